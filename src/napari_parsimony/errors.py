"""The one exception that users are meant to read."""


class UserError(Exception):
    """What was wrong with which file or setting, and what to do, in one sentence.

    The command line prints it without a traceback and napari shows it as a message; everything
    else that is raised is a bug of ours.
    """
