"""Everything that draws: the only room with matplotlib. Figures are returned, or saved whole under a path."""
