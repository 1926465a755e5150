"""The `pytest11` shim: registered with pytest in every project that has Loopwright installed.

It loads nothing of ours until a hook needs it, so that an installed but unused Loopwright costs a test run nothing.
"""
