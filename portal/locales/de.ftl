not-found-title = Seite nicht gefunden
not-found = Dieser Link führt nirgendwohin. Kam er in einer E-Mail, ist er vielleicht abgeschnitten, oder eine neuere E-Mail enthält einen neueren: Bitte nehmen Sie den neuesten, und zwar ganz.
try-again-title = Bitte noch einmal versuchen
try-again = Das ging gerade nicht; es wurde nichts verändert. Bitte versuchen Sie es in ein paar Minuten noch einmal.
too-many-title = Zu viele Anfragen
too-many = Bitte versuchen Sie es gleich noch einmal.
in-effect-now = Das gilt ab sofort.
in-effect-before = Das ist festgehalten und gilt, bevor irgendetwas anderes versandt wird.
unsubscribe-title = { $company } abbestellen?
unsubscribe-from = Die E-Mail kam von { $company } und ging an { $address }.
unsubscribe-what = Nach dem Abbestellen schickt { $company } keine Werbung mehr an diese Adresse.
unsubscribe = Abbestellen
unsubscribed-title = Sie sind abgemeldet
unsubscribed-already = { $address } bekommt keine Post von { $company }. Es gibt nichts mehr zu tun.
unsubscribed = { $company } schickt keine Werbung mehr an { $address }.
refuse-title = Keine Einladungen mehr?
refuse-what = { $vendor } schickt { $company } keine Einladungen mehr an { $address }.
refuse = Keine Einladungen mehr
refused-title = Keine Einladungen mehr
preferences-title = Welche E-Mails von { $company }?
preferences-for = Für { $address }.
preferences-how-much = Wie viele E-Mails möchten Sie erhalten?
preferences-all = E-Mails von { $company }
preferences-chosen = E-Mails zu dem, was unten angekreuzt ist
preferences-no-company = Keine E-Mails von { $company }
preferences-no-vendor = Keine E-Mails von { $company } oder einem anderen Partner von { $vendor }
preferences-topics = { $company } schreibt über
preferences-save = Speichern
preferences-saved = Ihre Auswahl ist gespeichert.
preferences-final = { $address } erhält keine E-Mails von { $company }; das lässt sich hier nicht ändern. Wenn Sie wieder E-Mails möchten, schreiben Sie bitte an { $company }.
view-mail-title = Bitte benutzen Sie den Link in Ihrer eigenen E-Mail
view-mail = Diese Seite zeigt eine Nachricht, die per E-Mail verschickt wurde und vielleicht weitergegeben worden ist. Um weniger oder keine E-Mails mehr zu erhalten, öffnen Sie die E-Mail selbst und folgen Sie dem Link darin.
launch-title = „{ $campaign }“ starten
prepared-by = { $vendor } hat diese Kampagne für { $partner } vorbereitet.
preview-heading = Das bekommt Ihre Kundschaft
mail-of = E-Mail { $n } von { $of }
sent-at-once = Geht sofort nach dem Start hinaus
sent-about = Geht am { $date } hinaus, wenn Sie jetzt starten
sent-by-event = Der Zeitpunkt richtet sich nach der Veranstaltung
as-desktop = Am Computer
as-phone = Am Telefon
as-text = Als reiner Text
preview-frame = Vorschau von „{ $subject }“
preview-missing = Diese E-Mail lässt sich zeigen, sobald die Felder unten ausgefüllt sind.
to-heading = Wer sie bekommt
list-label = Kontaktliste
list-choose = Liste wählen
contacts = 
    { $n ->
        [one] ein Kontakt
       *[other] { $shown } Kontakte
    }
left-out = Wer keine Post möchte, wird ausgelassen.
when-heading = Wann sie startet
start-label = Datum und Uhrzeit ({ $zone }); leer lassen, um jetzt zu starten
slots-heading = Persönlich machen
slots-optional = Sie können das alles lassen, wie es ist.
slots-update = Mit meinen Worten zeigen
required = (nötig)
profile-heading = Vor der ersten E-Mail nötig
profile-why = Das fragen wir nur einmal.
postal_address-label = Postanschrift
postal_address-hint = So steht sie unter jeder E-Mail; das Gesetz verlangt es. Eine Zeile für jeden Teil.
web_site-label = Website
web_site-hint = Wohin die Schaltflächen in den E-Mails führen.
from_email-label = Absenderadresse Ihrer E-Mails
from_email-hint = Bei Ihrer eigenen Domain; auch Antworten gehen dorthin.
launch-now = 
    { $n ->
        [one] An einen Kontakt starten
       *[other] An { $shown } Kontakte starten
    }
launch = Starten
launch-note = Auf dieser Seite können Sie jederzeit anhalten oder abbrechen. Der Link gilt bis { $date }.
decline = Nein, danke
errors-heading = 
    { $n ->
        [one] Eine Angabe stimmt noch nicht
       *[other] { $shown } Angaben stimmen noch nicht
    }
expired-title = Dieser Link ist abgelaufen
expired = Wir können einen neuen an die Adresse schicken, die wir von { $partner } haben.
renew = Neuen Link schicken
renewed-title = Ein neuer Link ist unterwegs
renewed = Er wurde an die Adresse geschickt, die wir von { $partner } haben.
renew-wait = Vor ein paar Minuten wurde schon ein Link verschickt. Bitte sehen Sie nach, oder versuchen Sie es in fünf Minuten noch einmal.
declined-title = Sie haben diese Kampagne abgelehnt
declined = Es wird nichts versandt. War das ein Versehen, bitten Sie { $vendor } um eine neue Einladung.
revoked-title = Diese Einladung wurde zurückgenommen
revoked = { $vendor } hat sie zurückgenommen. Es wird nichts versandt.
withdrawn-title = Diese Kampagne gibt es nicht mehr
may-not-title = Diese Kampagne lässt sich jetzt nicht starten
ask-vendor = Bitte wenden Sie sich an { $vendor }.
running-title = „{ $campaign }“ läuft
state-scheduled = Sie wird vorbereitet.
state-running = Sie wird versandt.
state-paused = Sie ist angehalten; es wird nichts versandt.
state-completed = Sie ist zu Ende; alles ist versandt.
state-cancelled = Sie wurde endgültig beendet.
state-recalled = { $vendor } hat sie zurückgerufen; es wird nichts mehr versandt.
count-audience = Auf der Liste
count-waiting = Stehen noch aus
count-sent = Versandt
count-skipped = Ausgelassen
count-failed = Nicht zustellbar
progress-label = { $percent } erledigt
pause = Anhalten
resume = Fortsetzen
stop = Endgültig beenden
refresh = Neueste Zahlen zeigen
step = E-Mail
results-heading = Was zurückkam
delivered = Zugestellt
opened = Geöffnet
clicked = Geklickt
unsubscribed-count = Abgemeldet
bounced = Unzustellbar
people = Menschen
machines = Maschinen
machines-what = Maschinen sind Prüfprogramme und solche, die E-Mails vorab laden. Sie werden getrennt gezählt.
over-time = { $what } im Lauf der Zeit
time = Zeit
as-table = Als Tabelle
nothing-yet = Noch nichts
by-step = Nach E-Mail
skip-to-content = Zum Inhalt
