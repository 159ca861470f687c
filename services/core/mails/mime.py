"""A mail as the bytes that a mail server takes."""

from email.message import EmailMessage
from email.policy import SMTP

from services.core.mails import MailContent, html, plain


def mime(mail: MailContent, sender: str, recipient: str, unsubscribe_url: str) -> bytes:
    """The message (RFC 5322) with both forms and, by RFC 8058, the address that takes the unsubscribing POST.

    Raises ValueError for an address that would break out of its header.
    """
    message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = mail.subject
    message["Auto-Submitted"] = "auto-generated"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(plain(mail))
    message.add_alternative(html(mail), subtype="html")
    message["Content-Language"] = mail.words.language  # last: setting the content clears such headers
    if not unsubscribe_url.isascii() or any(character.isspace() for character in unsubscribe_url):
        raise ValueError("an address in a header has no spaces and no letters beyond ASCII")
    # By hand: the email package encodes a word that is longer than a line, which no mail program reads as an address.
    return b"List-Unsubscribe: <%s>\r\n%s" % (unsubscribe_url.encode(), message.as_bytes())
