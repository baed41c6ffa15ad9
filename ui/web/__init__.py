"""The web app: server, page, security, theme, and how texts become safe markup."""
