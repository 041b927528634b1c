"""What a run is asked, and where things go."""
