"""The nano family: tiny models trained from nothing on the curriculum, so that every stage runs for real on any
laptop.
"""
