not-found-title = Page introuvable
not-found = Ce lien ne mène nulle part. S’il vient d’un e-mail, il a peut-être été coupé, ou un e-mail plus récent contient un lien plus récent : prenez le plus récent, en entier.
try-again-title = Veuillez réessayer
try-again = Ce n’est pas possible pour l’instant ; rien n’a été modifié. Veuillez réessayer dans quelques minutes.
too-many-title = Trop de demandes
too-many = Veuillez réessayer dans un instant.
in-effect-now = C’est effectif dès maintenant.
in-effect-before = C’est enregistré et prendra effet avant tout autre envoi.
unsubscribe-title = Se désabonner de { $company } ?
unsubscribe-from = L’e-mail reçu venait de { $company }, à l’adresse { $address }.
unsubscribe-what = Une fois désabonné, { $company } n’enverra plus d’e-mails publicitaires à cette adresse.
unsubscribe = Se désabonner
unsubscribed-title = Vous êtes désabonné
unsubscribed-already = { $address } ne reçoit aucun e-mail de { $company }. Il n’y a plus rien à faire.
unsubscribed = { $company } n’enverra plus d’e-mails publicitaires à { $address }.
refuse-title = Plus d’invitations ?
refuse-what = { $vendor } n’enverra plus d’invitations à { $company } à l’adresse { $address }.
refuse = Ne plus recevoir d’invitations
refused-title = Plus d’invitations
preferences-title = Quels messages de { $company } ?
preferences-for = Pour { $address }.
preferences-how-much = Combien de messages souhaitez-vous recevoir ?
preferences-all = Les messages de { $company }
preferences-chosen = Les messages sur ce qui est coché ci-dessous
preferences-no-company = Aucun message de { $company }
preferences-no-vendor = Aucun message de { $company } ni d’aucun autre partenaire de { $vendor }
preferences-topics = { $company } écrit au sujet de
preferences-save = Enregistrer
preferences-saved = Votre choix est enregistré.
preferences-final = { $address } ne reçoit aucun message de { $company }, et cela ne peut pas être modifié ici. Si vous souhaitez de nouveau recevoir des messages, écrivez à { $company }.
view-mail-title = Utilisez le lien de votre propre message
view-mail = Cette page montre un message envoyé par e-mail, qui a peut-être été transféré. Pour recevoir moins de messages ou n’en recevoir aucun, ouvrez le message lui-même et suivez le lien qui s’y trouve.
launch-title = Lancer « { $campaign } »
prepared-by = { $vendor } a préparé cette campagne pour { $partner }.
preview-heading = Ce que reçoivent vos clients
mail-of = E-mail { $n } sur { $of }
sent-at-once = Envoyé dès le lancement
sent-about = Envoyé le { $date }, si vous lancez maintenant
sent-by-event = Envoyé selon la date de l’événement
as-desktop = Sur ordinateur
as-phone = Sur téléphone
as-text = En texte brut
preview-frame = Aperçu de « { $subject } »
preview-missing = Cet e-mail pourra être affiché une fois les champs ci-dessous remplis.
to-heading = Qui le reçoit
list-label = Liste de contacts
list-choose = Choisissez une liste
contacts = 
    { $n ->
        [one] { $shown } contact
       *[other] { $shown } contacts
    }
left-out = Ceux qui ne veulent pas d’e-mails sont laissés de côté.
when-heading = Quand elle démarre
start-label = Date et heure ({ $zone }) ; laissez vide pour lancer maintenant
slots-heading = Personnalisez-la
slots-optional = Vous pouvez tout laisser tel quel.
slots-update = Afficher avec mes mots
required = (obligatoire)
profile-heading = Nécessaire avant le premier e-mail
profile-why = Nous ne le demandons qu’une fois.
postal_address-label = Adresse postale
postal_address-hint = Telle qu’elle figure sous chaque e-mail ; la loi l’exige. Une ligne par élément.
web_site-label = Site web
web_site-hint = Là où mènent les boutons des e-mails.
from_email-label = Adresse d’expédition de vos e-mails
from_email-hint = Sur votre propre domaine ; les réponses y arrivent aussi.
launch-now = 
    { $n ->
        [one] Lancer vers { $shown } contact
       *[other] Lancer vers { $shown } contacts
    }
launch = Lancer
launch-note = Vous pouvez la suspendre ou l’arrêter ici à tout moment. Le lien est valable jusqu’au { $date }.
decline = Non merci
errors-heading = 
    { $n ->
        [one] Un point est à vérifier
       *[other] { $shown } points sont à vérifier
    }
expired-title = Ce lien a expiré
expired = Nous pouvons en envoyer un nouveau à l’adresse que nous avons pour { $partner }.
renew = Envoyer un nouveau lien
renewed-title = Un nouveau lien est en route
renewed = Il a été envoyé à l’adresse que nous avons pour { $partner }.
renew-wait = Un lien a été envoyé il y a quelques minutes. Cherchez-le, ou réessayez dans cinq minutes.
declined-title = Vous avez décliné cette campagne
declined = Rien ne sera envoyé. Si c’est une erreur, demandez une nouvelle invitation à { $vendor }.
revoked-title = Cette invitation a été retirée
revoked = { $vendor } l’a retirée. Rien ne sera envoyé.
withdrawn-title = Cette campagne n’est plus disponible
may-not-title = Cette campagne ne peut pas être lancée maintenant
ask-vendor = Veuillez vous adresser à { $vendor }.
running-title = « { $campaign } » est en cours
state-scheduled = Elle se prépare.
state-running = Elle est en cours d’envoi.
state-paused = Elle est suspendue ; rien n’est envoyé.
state-completed = Elle est terminée ; tout est envoyé.
state-cancelled = Elle a été arrêtée définitivement.
state-recalled = { $vendor } l’a rappelée ; plus rien n’est envoyé.
count-audience = Sur la liste
count-waiting = À venir
count-sent = Envoyés
count-skipped = Laissés de côté
count-failed = Non distribuables
progress-label = { $percent } effectués
pause = Suspendre
resume = Reprendre
stop = Arrêter définitivement
refresh = Afficher les derniers chiffres
step = E-mail
results-heading = Les retours
delivered = Distribués
opened = Ouverts
clicked = Cliqués
unsubscribed-count = Désabonnés
bounced = Rejetés
people = Personnes
machines = Machines
machines-what = Les machines sont des analyseurs et des programmes qui chargent les e-mails à l’avance. Elles sont comptées à part.
over-time = { $what } au fil du temps
time = Heure
as-table = Sous forme de tableau
nothing-yet = Rien pour l’instant
by-step = Par e-mail
skip-to-content = Aller au contenu
