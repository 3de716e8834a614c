"""A small CV/job-matching backend, instrumented with metrics, traces and structured logs.

``python -m sample_service api|worker|ai|redis`` runs one of its processes; ``contract.yaml`` states what they emit.
"""
