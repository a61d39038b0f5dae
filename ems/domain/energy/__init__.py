"""What energy costs the site: tariffs, prices that come and go, the price of peaks, and the bill they make."""
