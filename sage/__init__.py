"""Teacher Guided Architecture Search: models, dissimilarity matrices, guidance and training."""
