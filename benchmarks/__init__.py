"""Runnable measurements: they print ratios and scaling and assert nothing about seconds."""
