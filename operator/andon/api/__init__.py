"""The contract with users: kinds, fields, conditions and names.

May import nothing of Andon but the builder's contract.
"""
