"""The service's pages and interfaces, over HTTP."""
