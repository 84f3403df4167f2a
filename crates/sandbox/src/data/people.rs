//! Names of people, by language, with the spelling they have in their own script.

use super::random::Lots;

/// A person's name, and what the part before the @ is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) first_name: String,
    pub(super) last_name: String,
    pub(super) local: String,
}

/// Draws a person who speaks `language`, or English if there are no names for it.
pub(super) fn draw(lots: &mut Lots, language: &str) -> Person {
    let names = NAMES.iter().find(|names| names.language == language).unwrap_or(&NAMES[0]);
    let (first_name, first_local) = *lots.choose(names.first);
    let (last_name, last_local) = *lots.choose(names.last);
    Person {
        first_name: first_name.to_owned(),
        last_name: last_name.to_owned(),
        local: format!("{first_local}.{last_local}"),
    }
}

/// Languages there are names for.
pub(super) fn languages() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|names| names.language)
}

struct Names {
    language: &'static str,
    first: &'static [(&'static str, &'static str)],
    last: &'static [(&'static str, &'static str)],
}

#[rustfmt::skip]
const NAMES: [Names; 18] = [
    Names { language: "en", first: &[("Anna", "anna"), ("Zoë 🌻", "zoe"), ("D’Arcy", "darcy"), ("Mary-Jane", "mary-jane"), ("Siân", "sian"), ("J.R.", "jr")], last: &[("Smith", "smith"), ("O’Neill", "oneill"), ("van der Berg", "vanderberg"), ("Nguyen", "nguyen"), ("McDonald", "mcdonald"), ("Brontë", "bronte")] },
    Names { language: "de", first: &[("Jürgen", "juergen"), ("Käthe", "kaethe"), ("Björn", "bjoern"), ("Anneliese", "anneliese")], last: &[("Groß", "gross"), ("Müller-Lüdenscheidt", "mueller"), ("Öztürk", "oeztuerk"), ("Weiß", "weiss")] },
    Names { language: "fr", first: &[("Noémie", "noemie"), ("François", "francois"), ("Jean-Loïc", "jean-loic"), ("Zoé", "zoe")], last: &[("Lefèvre", "lefevre"), ("d’Artagnan", "dartagnan"), ("L’Hôte", "lhote"), ("Œillet", "oeillet")] },
    Names { language: "ja", first: &[("美咲", "misaki"), ("太郎", "taro"), ("さくら", "sakura"), ("ケン", "ken")], last: &[("田中", "tanaka"), ("佐藤", "sato"), ("髙橋", "takahashi"), ("小野寺", "onodera")] },
    Names { language: "ar", first: &[("ليلى", "layla"), ("محمد", "mohamed"), ("فاطمة", "fatma"), ("عمر", "omar")], last: &[("حسن", "hassan"), ("عبد الرحمن", "abdelrahman"), ("المصري", "elmasry"), ("خليل", "khalil")] },
    Names { language: "he", first: &[("נועה", "noa"), ("יוסף", "yosef"), ("מיכל", "michal"), ("אֵיתָן", "eitan")], last: &[("לוי", "levi"), ("כהן", "cohen"), ("בן־דוד", "ben-david"), ("פרץ", "peretz")] },
    Names { language: "uk", first: &[("Олена", "olena"), ("Сергій", "serhii"), ("Їжак", "yizhak"), ("Дар’я", "daria")], last: &[("Ковальчук", "kovalchuk"), ("Шевченко", "shevchenko"), ("Бондаренко", "bondarenko"), ("Ґудзь", "gudz")] },
    Names { language: "el", first: &[("Γιώργος", "giorgos"), ("Ελένη", "eleni"), ("Δημήτρης", "dimitris"), ("Άννα", "anna")], last: &[("Παπαδάκης", "papadakis"), ("Νικολάου", "nikolaou"), ("Οικονόμου", "oikonomou"), ("Βλάχος", "vlachos")] },
    Names { language: "zh", first: &[("小明", "xiaoming"), ("芳", "fang"), ("建国", "jianguo"), ("丽华", "lihua")], last: &[("王", "wang"), ("李", "li"), ("欧阳", "ouyang"), ("𠮷田", "yoshida")] },
    Names { language: "ko", first: &[("서연", "seoyeon"), ("민준", "minjun"), ("지우", "jiwoo"), ("하은", "haeun")], last: &[("김", "kim"), ("이", "lee"), ("남궁", "namgung"), ("박", "park")] },
    Names { language: "hi", first: &[("प्रिया", "priya"), ("राहुल", "rahul"), ("अनन्या", "ananya"), ("विक्रम", "vikram")], last: &[("शर्मा", "sharma"), ("पटेल", "patel"), ("सिंह", "singh"), ("चतुर्वेदी", "chaturvedi")] },
    Names { language: "pt", first: &[("João", "joao"), ("Conceição", "conceicao"), ("Inês", "ines"), ("Luís", "luis")], last: &[("Gonçalves", "goncalves"), ("Magalhães", "magalhaes"), ("dos Santos", "dossantos"), ("Araújo", "araujo")] },
    Names { language: "es", first: &[("Íñigo", "inigo"), ("Begoña", "begona"), ("José María", "josemaria"), ("Núria", "nuria")], last: &[("Núñez", "nunez"), ("de la Peña", "delapena"), ("Ibáñez", "ibanez"), ("García y Vega", "garciayvega")] },
    Names { language: "pl", first: &[("Małgorzata", "malgorzata"), ("Łukasz", "lukasz"), ("Żaneta", "zaneta"), ("Świętosław", "swietoslaw")], last: &[("Wójcik", "wojcik"), ("Dąbrowska", "dabrowska"), ("Źrebiec", "zrebiec"), ("Brzęczyszczykiewicz", "brzeczyszczykiewicz")] },
    Names { language: "tr", first: &[("Çağla", "cagla"), ("İbrahim", "ibrahim"), ("Işıl", "isil"), ("Ömer", "omer")], last: &[("Işık", "isik"), ("Yıldız", "yildiz"), ("Şahin", "sahin"), ("Güneş", "gunes")] },
    Names { language: "da", first: &[("Søren", "soren"), ("Åse", "aase"), ("Ægir", "aegir"), ("Mette", "mette")], last: &[("Ørsted", "oersted"), ("Kjær", "kjaer"), ("Bødker", "boedker"), ("Nygård", "nygaard")] },
    Names { language: "vi", first: &[("Hương", "huong"), ("Đức", "duc"), ("Tuấn", "tuan"), ("Mỹ Linh", "mylinh")], last: &[("Nguyễn", "nguyen"), ("Trần", "tran"), ("Đặng", "dang"), ("Phạm", "pham")] },
    Names { language: "th", first: &[("สมชาย", "somchai"), ("มาลี", "malee"), ("น้ำฝน", "namfon"), ("ก้อง", "kong")], last: &[("ใจดี", "jaidee"), ("ศรีสุข", "srisuk"), ("วงศ์ใหญ่", "wongyai"), ("ทองดี", "thongdee")] },
];
