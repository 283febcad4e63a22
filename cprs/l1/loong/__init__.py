"""Loong: questions over ten documents and more, rated by a judge (arXiv 2406.17419)."""
