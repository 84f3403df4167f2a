not-found-title = Page not found
not-found = This link does not lead anywhere. If it came in a mail, it may have been cut off, or a newer mail has a newer link: please take the newest and copy it whole.
try-again-title = Please try again
try-again = This could not be done just now; nothing was changed. Please try again in a few minutes.
too-many-title = Too many requests
too-many = Please try again in a moment.
in-effect-now = This is in effect now.
in-effect-before = This is recorded and takes effect before anything else is sent.
unsubscribe-title = Unsubscribe from { $company }?
unsubscribe-from = The mail you got was from { $company }, sent to { $address }.
unsubscribe-what = When you unsubscribe, { $company } sends no more marketing mail to this address.
unsubscribe = Unsubscribe
unsubscribed-title = You are unsubscribed
unsubscribed-already = { $address } gets no mail from { $company }. There is nothing left to do.
unsubscribed = { $company } sends no more marketing mail to { $address }.
refuse-title = No more invitations?
refuse-what = { $vendor } will mail no more invitations to { $company } at { $address }.
refuse = No more invitations
refused-title = No more invitations
preferences-title = Which mail from { $company }?
preferences-for = For { $address }.
preferences-how-much = How much mail do you want?
preferences-all = Mail from { $company }
preferences-chosen = Mail about what is ticked below
preferences-no-company = No mail from { $company }
preferences-no-vendor = No mail from { $company } or from any other partner of { $vendor }
preferences-topics = { $company } writes about
preferences-save = Save
preferences-saved = Your choice is saved.
preferences-final = { $address } gets no mail from { $company }, and this can’t be changed here. If you would like mail again, please write to { $company }.
view-mail-title = Please use the link in your own mail
view-mail = This page shows a message that was sent by mail, and it may have been passed on. To get less mail or none, open the mail itself and follow the link there.
launch-title = Launch “{ $campaign }”
prepared-by = { $vendor } has prepared this campaign for { $partner }.
preview-heading = What your customers get
mail-of = Email { $n } of { $of }
sent-at-once = Sent as soon as you launch
sent-about = Sent on { $date }, if you launch now
sent-by-event = Sent by the date of the event
as-desktop = On a computer
as-phone = On a phone
as-text = As plain text
preview-frame = Preview of “{ $subject }”
preview-missing = This email can be shown once the fields below are filled in.
to-heading = Who gets it
list-label = Contact list
list-choose = Choose a list
contacts = 
    { $n ->
        [one] one contact
       *[other] { $shown } contacts
    }
left-out = Those who want no mail are left out.
when-heading = When it starts
start-label = Date and time ({ $zone }); leave it empty to start now
slots-heading = Make it yours
slots-optional = You may leave all of this as it is.
slots-update = Show it with my words
required = (required)
profile-heading = Needed before the first mail
profile-why = We ask for this once.
postal_address-label = Postal address
postal_address-hint = As it stands under each mail; the law wants it there. One line for each part.
web_site-label = Web site
web_site-hint = Where the buttons in the mails lead.
from_email-label = Address your mail comes from
from_email-hint = At your own domain; answers go there too.
launch-now = 
    { $n ->
        [one] Launch to one contact
       *[other] Launch to { $shown } contacts
    }
launch = Launch
launch-note = You can pause or stop it on this page at any time. The link works until { $date }.
decline = No, thank you
errors-heading = 
    { $n ->
        [one] One thing needs your attention
       *[other] { $shown } things need your attention
    }
expired-title = This link has expired
expired = We can mail a fresh one to the address we have for { $partner }.
renew = Mail me a new link
renewed-title = A new link is on its way
renewed = It was mailed to the address we have for { $partner }.
renew-wait = A link was mailed a few minutes ago. Please look for it, or try again in five minutes.
declined-title = You said no to this campaign
declined = Nothing is sent. If that was a mistake, ask { $vendor } for a new invitation.
revoked-title = This invitation was taken back
revoked = { $vendor } has taken it back. Nothing is sent.
withdrawn-title = This campaign is not available any more
may-not-title = This campaign can’t be launched now
ask-vendor = Please turn to { $vendor }.
running-title = “{ $campaign }” is under way
state-scheduled = It is being prepared.
state-running = It is being sent.
state-paused = It is paused; nothing is sent.
state-completed = It has ended; everything is sent.
state-cancelled = It was stopped for good.
state-recalled = { $vendor } has recalled it; nothing more is sent.
count-audience = On the list
count-waiting = Still to come
count-sent = Sent
count-skipped = Left out
count-failed = Not deliverable
progress-label = { $percent } done
pause = Pause
resume = Go on
stop = Stop for good
refresh = Show the latest figures
step = Email
results-heading = What came back
delivered = Delivered
opened = Opened
clicked = Clicked
unsubscribed-count = Unsubscribed
bounced = Bounced
people = People
machines = Machines
machines-what = Machines are scanners and programs that load mail ahead of people. They are counted apart.
over-time = { $what } over time
time = Time
as-table = As a table
nothing-yet = Nothing yet
by-step = By email
skip-to-content = Skip to the content
