"""What operators change while the site runs: vehicles, departures, needs, classes, the strategy, limits for a while."""
