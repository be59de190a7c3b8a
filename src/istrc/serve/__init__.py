"""The page: what the commands do, in a browser, and as endpoints for Gradio's client.

actions   what the page does, with a circle and files; nothing of Gradio
sessions  what one visitor has: faces that were read, files, attributes that were learned
page      the layout; its tabs are beside it
start     the server: it starts, prints its address, stops
"""

import os

# No analytics and no look-ups of Gradio. Read when it is imported, so it is said before anything
# of the page is.
QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
}
os.environ.update(QUIET)
