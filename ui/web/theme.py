"""The page's colours, fonts (the system's, so that nothing is fetched) and additions to Gradio's CSS."""

from __future__ import annotations

import gradio as gr

_SANS = ("ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")


def theme() -> gr.themes.Base:
    """Indigo on slate, in light and in dark."""
    return gr.themes.Base(
        primary_hue="indigo", secondary_hue="indigo", neutral_hue="slate", radius_size="md", font=_SANS, font_mono=_MONO
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        block_border_width="1px",
        block_label_text_weight="600",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_text_color="white",
        color_accent="*primary_600",
        color_accent_soft="*primary_50",
    )


CSS = """
.gradio-container { width: 100%; max-width: 1800px !important; margin: 0 auto; overflow: clip !important; }
#whatif-section { overflow: visible !important; } /* keeps the result in sight next to the sliders */
.masthead { align-items: baseline; justify-content: space-between; gap: .25rem 1rem; }
.masthead > * { flex: 0 1 auto; min-width: 0 !important; width: auto !important; }
.masthead h1 { margin: 0; font-size: 1.35rem; letter-spacing: -.01em; }
.quiet, .quiet p { color: var(--body-text-color-subdued); font-size: .9rem; }
.pair { overflow-wrap: anywhere; }
#explore-story table { display: block; overflow-x: auto; max-width: 100%; border: 0; } /* no breaks within words */
.prose :is(table, tr, th, td) { border-color: var(--border-color-primary) !important; } /* not the colour of the text */
#explore-story :is(th, td) { overflow-wrap: normal; word-break: normal; }
:focus-visible { outline: 2px solid var(--color-accent); outline-offset: 2px; }
.dark :focus-visible { outline-color: var(--primary-400); }
.dark #help-page a { color: var(--primary-400); }
.dark [role=tab].selected { color: var(--primary-400); } /* the accent is too dark for text on a dark page */
.secondary-wrap > input[role=combobox] { padding-inline-end: 1.4rem; text-overflow: ellipsis; } /* next to the arrow */
"""
