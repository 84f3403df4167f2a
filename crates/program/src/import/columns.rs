//! The columns of contacts' and partners' files, and what else people and programs call them.
//!
//! Names are compared by their letters and digits alone, without case and accents, so `E-Mail`,
//! `e_mail` and `EMAIL` are one word here. A word stands under one field only, and no merge field may
//! be called by it, so that what an export writes is what an import reads.

use crate::table::{ColumnSet, Field, Others};

/// A field by which rows are told apart, or that decides whether somebody is mailed.
const fn decisive(name: &'static str, synonyms: &'static [&'static str]) -> Field {
    Field { name, is_required: false, is_decisive: true, synonyms }
}

const fn plain(name: &'static str, synonyms: &'static [&'static str]) -> Field {
    Field { name, is_required: false, is_decisive: false, synonyms }
}

const fn required(field: Field) -> Field {
    Field { is_required: true, ..field }
}

/// The columns of a contacts' file; every other one is a merge field.
pub(super) const CONTACTS: ColumnSet =
    ColumnSet { fields: CONTACT_FIELDS, others: Others::MergeFields };

/// The columns of a partners' file.
pub(super) const PARTNERS: ColumnSet =
    ColumnSet { fields: PARTNER_FIELDS, others: Others::NotRead };

#[rustfmt::skip]
const CONTACT_FIELDS: &[Field] = &[
    required(decisive("email", &[
        "mail", "email address", "mail address", "contact email", "work email", "email 1",
        // As Google, Outlook, HubSpot and Constant Contact write them.
        "e-mail 1 - value", "e-mail 1 address", "email address - home", "primary email", "subscriber email",
        "E-Mail-Adresse", "Mailadresse",
        "courriel", "adresse e-mail", "adresse mail", "adresse électronique", "adresse de courriel",
        "correo", "correo electrónico", "dirección de correo", "dirección de correo electrónico",
        "e-mailadres", "indirizzo email", "posta elettronica",
        "endereço de email", "correio eletrônico", "correio electrónico",
        "adres e-mail", "e-postadress", "e-post", "e-mailová adresa", "sähköposti",
        "sähköpostiosoite", "e-posta", "e-posta adresi", "e-mail cím", "adresă de email",
        "почта", "эл. почта", "электронная почта", "адрес электронной почты", "імейл", "електронна пошта",
        "ηλεκτρονική διεύθυνση", "البريد الإلكتروني", "דוא\"ל",
        "電子メール", "メール", "メールアドレス", "Eメール", "电子邮件", "邮箱", "电子邮箱", "電子郵件", "信箱",
        "이메일", "전자우편",
    ])),
    plain("first_name", &[
        "fname", "forename", "given name", "christian name", "contact first name",
        "Vorname", "prénom", "nombre", "nombre de pila", "voornaam", "nome", "primeiro nome", "imię",
        "förnamn", "fornavn", "jméno", "křestní jméno", "etunimi", "keresztnév", "prenume",
        "имя", "ім'я", "όνομα", "الاسم الأول",
        "名", "名前（名）", "下の名前", "이름",
    ]),
    plain("last_name", &[
        "lname", "surname", "family name", "contact last name",
        "Nachname", "Familienname", "Zuname", "nom", "nom de famille", "apellido", "apellidos", "achternaam",
        "cognome", "sobrenome", "apelido", "nazwisko", "efternamn", "efternavn", "etternavn", "příjmení",
        "sukunimi", "soyad", "soyadı", "vezetéknév", "nume de familie",
        "фамилия", "прізвище", "επώνυμο", "اسم العائلة",
        "姓", "名字（姓）", "名前（姓）", "苗字", "성",
    ]),
    plain("company", &[
        "company name", "organization", "organisation", "organization name", "organization 1 - name",
        "account name", "employer", "business name",
        "Firma", "Firmenname", "Unternehmen", "société", "entreprise", "raison sociale", "empresa",
        "compañía", "bedrijf", "bedrijfsnaam", "azienda", "società", "nazwa firmy", "företag", "virksomhed",
        "bedrift", "společnost", "yritys", "şirket", "cég", "companie",
        "компания", "организация", "компанія", "εταιρεία", "الشركة",
        "会社", "会社名", "公司", "公司名称", "회사",
    ]),
    plain("language", &[
        "lang", "locale", "preferred language", "Sprache", "langue", "idioma", "taal", "lingua", "język",
        "språk", "sprog", "jazyk", "kieli", "dil", "nyelv", "limbă", "язык", "мова", "γλώσσα", "言語", "语言", "언어",
    ]),
    decisive("consent_basis", &[
        "consent", "basis", "legal basis", "lawful basis", "gdpr consent", "opt-in", "opted in",
        "marketing consent", "permission", "subscribed",
        "Einwilligung", "Rechtsgrundlage", "consentement", "base légale", "consentimiento", "toestemming",
        "consenso", "consentimento", "zgoda",
    ]),
    plain("consent_source", &[
        "opt-in source", "source of consent", "lead source", "Quelle der Einwilligung", "source du consentement",
    ]),
    plain("consent_at", &[
        "consent date", "consent time", "consent timestamp", "opt-in date", "opt-in time",
        "date of consent", "subscribed at", "subscribe date", "Einwilligungsdatum", "Datum der Einwilligung",
        "date du consentement",
    ]),
    decisive("opted_out", &[
        "opt-out", "email opt out", "has opted out of email", "opted out of email", "unsubscribed",
        "unsubscribed from all email", "do not email", "do not mail", "do not contact", "dnc", "blacklisted",
        "suppressed", "Abgemeldet", "Abmeldung", "désabonné", "désinscrit", "dado de baja", "uitgeschreven",
        "disiscritto", "descadastrado", "wypisany",
    ]),
];

#[rustfmt::skip]
const PARTNER_FIELDS: &[Field] = &[
    required(decisive("partner_key", &[
        "key", "partner id", "partner no", "partner number", "partner code", "account number", "external id",
        "Partnernummer", "Partner-Nr", "Kundennummer", "numéro de partenaire", "código de socio",
    ])),
    required(plain("company_name", &[
        "company", "partner name", "partner", "name", "organization", "organisation", "account name",
        "Firma", "Firmenname", "Unternehmen", "société", "raison sociale", "empresa", "bedrijf", "azienda", "会社名", "公司名称",
    ])),
    required(plain("tier", &["level", "partner level", "partner tier", "rank", "Stufe", "Partnerstufe", "niveau", "nivel"])),
    decisive("from_email", &[
        "sender email", "sender address", "from address", "from", "email", "email address", "Absenderadresse",
        "E-Mail-Adresse", "adresse e-mail", "correo electrónico",
    ]),
    plain("web_site", &["web", "url", "homepage", "site", "Webseite", "site web", "sitio web", "ウェブサイト", "网站"]),
    plain("postal_address", &[
        "address", "mailing address", "postal", "Adresse", "Anschrift", "Postanschrift", "adresse postale",
        "dirección", "dirección postal", "adres", "indirizzo", "住所", "地址",
    ]),
    plain("region", &["country", "country code", "Land", "Ländercode", "pays", "país", "国"]),
    plain("partner_type", &["type", "partner kind", "Partnertyp", "Partnerart", "type de partenaire", "tipo de socio"]),
    plain("from_name", &["sender", "sender name", "Absender", "Absendername", "expéditeur", "remitente"]),
    decisive("reply_to", &["reply address", "reply-to address", "reply email", "Antwortadresse", "adresse de réponse"]),
    plain("locale", &["language", "lang", "Sprache", "langue", "idioma"]),
    plain("time_zone", &["tz", "Zeitzone", "fuseau horaire", "zona horaria"]),
    plain("colour", &["color", "brand colour", "brand color", "main colour", "main color", "Farbe", "couleur"]),
    plain("contact_name", &["contact", "contact person", "Ansprechpartner", "Ansprechperson", "Kontakt", "personne de contact"]),
    plain("contact_email", &["contact e-mail address", "Kontakt-E-Mail"]),
    plain("contact_phone", &["phone", "telephone", "phone number", "tel", "Telefon", "teléfono", "電話番号", "电话"]),
    plain("logo", &["logo file"]),
];

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::table::key;

    #[test]
    fn every_word_stands_for_one_field() {
        let mut twice = Vec::new();
        for fields in [CONTACT_FIELDS, PARTNER_FIELDS] {
            let mut seen: HashMap<String, &str> = HashMap::new();
            for field in fields {
                for word in std::iter::once(&field.name).chain(field.synonyms) {
                    assert!(!key(word).is_empty(), "{word}");
                    if let Some(other) = seen.insert(key(word), field.name) {
                        twice.push(format!("`{word}` of {} and {other}", field.name));
                    }
                }
            }
        }
        assert!(twice.is_empty(), "{twice:#?}");
    }
}
