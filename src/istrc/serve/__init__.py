"""The page: what the commands do, in a browser, and as endpoints for Gradio's client.

actions   what the page does, with a circle and files; nothing of Gradio
sessions  what one visitor has: faces that were read, files, attributes that were learned
page      the layout; its tabs are beside it
start     the server: it starts, prints its address, stops
"""
