"""Extract, minimise, pseudonymise, load: vendor APIs and files into raw tables."""

from ingestion.settings import silence

silence()  # before anybody imports dlt, which reads its switches once
