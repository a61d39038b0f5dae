"""Vehicles, their weeks, who leaves when, and classes of service."""
