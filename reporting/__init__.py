"""Estimate tables and mart frames in, a static site, pictures and words out.

Pure: no SQL, no files but the ones it writes, no network at all, not even in the reader's browser.
"""
