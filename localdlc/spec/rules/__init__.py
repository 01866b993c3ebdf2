"""The rules of a request by subject: small pure functions from a request to what breaks them.

`localdlc.spec.check` lists them. A rule is quiet where its own inputs are missing or wrong in a
way that another rule reports, so that one mistake makes one problem.
"""
