"""Every widget of the package is on a page of the built book."""

from browser_site import pages_with

import introml.widgets


def test_every_widget_is_on_a_page():
    shown = {name for name in introml.widgets.__all__ if pages_with(f'data-widget="{name}"')}
    assert shown == set(introml.widgets.__all__)
