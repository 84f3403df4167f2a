//! The partners of the demo: 25 firms that look nothing like each other, and branches of them.

use std::{borrow::Cow, path::Path};

use crate::error::DataError;

use super::{
    csv_error,
    logo::{Pattern, Shape},
};

/// One partner, as it stands in the partner file.
#[derive(Debug, Clone)]
pub(super) struct Brand {
    pub(super) key: String,
    pub(super) company_name: String,
    pub(super) tier: &'static str,
    pub(super) colour: Cow<'static, str>,
    pub(super) logo: Option<Shape>,
    from_name: String,
    domain: String,
    firm: &'static Firm,
}

impl Brand {
    /// The logo's file name, relative to the partner file. Branches share their firm's.
    pub(super) fn logo_file(&self) -> String {
        format!("logos/{}.png", self.firm.key)
    }

    /// The language most of its contacts speak.
    pub(super) fn language(&self) -> &'static str {
        self.firm.locale.split('-').next().unwrap_or(self.firm.locale)
    }
}

#[derive(Debug)]
struct Firm {
    key: &'static str,
    name: &'static str,
    tier: &'static str,
    locale: &'static str,
    time_zone: &'static str,
    colour: &'static str,
    address: &'static str,
    contact: (&'static str, &'static str),
    phone: &'static str,
    logo: Option<Shape>,
}

/// The partner of this index.
pub(super) fn brand(index: u32) -> Brand {
    let count = u32::try_from(FIRMS.len()).expect("a short list");
    let firm = &FIRMS[(index % count) as usize];
    let branch = index / count;
    if branch == 0 {
        return Brand {
            key: firm.key.to_owned(),
            company_name: firm.name.to_owned(),
            tier: firm.tier,
            colour: Cow::Borrowed(firm.colour),
            logo: firm.logo,
            from_name: firm.name.to_owned(),
            domain: format!("{}.example", firm.key),
            firm,
        };
    }
    let key = format!("{}-{branch}", firm.key);
    let company_name = format!("{} · {branch}", firm.name);
    Brand {
        domain: format!("{key}.example"),
        from_name: company_name.clone(),
        company_name,
        key,
        tier: firm.tier,
        colour: Cow::Borrowed(firm.colour),
        logo: firm.logo,
        firm,
    }
}

/// Writes the partner file.
pub(super) fn write(path: &Path, brands: &[Brand]) -> Result<(), DataError> {
    let failed = csv_error(path);
    let mut file = csv::Writer::from_path(path).map_err(&failed)?;
    file.write_record([
        "partner_key",
        "company_name",
        "tier",
        "from_name",
        "from_email",
        "reply_to",
        "locale",
        "time_zone",
        "colour",
        "web_site",
        "postal_address",
        "contact_name",
        "contact_email",
        "contact_phone",
        "logo",
    ])
    .map_err(&failed)?;
    for brand in brands {
        let (firm, domain) = (brand.firm, &brand.domain);
        let (contact_name, contact_local) = firm.contact;
        let logo = if brand.logo.is_some() { brand.logo_file() } else { String::new() };
        file.write_record([
            brand.key.as_str(),
            &brand.company_name,
            brand.tier,
            &brand.from_name,
            &format!("news@{domain}"),
            &format!("{contact_local}@{domain}"),
            firm.locale,
            firm.time_zone,
            &brand.colour,
            &format!("https://www.{domain}"),
            firm.address,
            contact_name,
            &format!("{contact_local}@{domain}"),
            firm.phone,
            &logo,
        ])
        .map_err(&failed)?;
    }
    file.flush().map_err(|error| failed(error.into()))
}

const fn shape(pattern: Pattern, width: u32, height: u32) -> Option<Shape> {
    Some(Shape { pattern, width, height })
}

#[rustfmt::skip]
const FIRMS: [Firm; 25] = [
    Firm { key: "northwind-systems", name: "Northwind Systems", tier: "Platinum", locale: "en-US", time_zone: "America/Chicago", colour: "#0b3d91", address: "410 Lakefront Plaza, Suite 1200 | Chicago, IL 60601 | USA", contact: ("Dana Whitfield", "dana"), phone: "+1 312 555 0142", logo: shape(Pattern::Stripes, 480, 120) },
    Firm { key: "alpenglueh-it", name: "Alpenglüh IT-Systemhaus GmbH & Co. KG", tier: "Gold", locale: "de-AT", time_zone: "Europe/Vienna", colour: "#c8102e", address: "Südtiroler Straße 7 | 6020 Innsbruck | Österreich", contact: ("Jürgen Größl", "j.groessl"), phone: "+43 512 555 01 0", logo: shape(Pattern::Triangle, 300, 300) },
    Firm { key: "cafe-reseau", name: "Café Réseau & Associés", tier: "Silver", locale: "fr-FR", time_zone: "Europe/Paris", colour: "#6b1f5c", address: "18 bis, rue de l’Échiquier | 75010 Paris | France", contact: ("Noémie Lefèvre", "noemie"), phone: "+33 1 99 00 55 01", logo: shape(Pattern::Ring, 64, 64) },
    Firm { key: "sakura-data", name: "さくらデータ株式会社", tier: "Platinum", locale: "ja-JP", time_zone: "Asia/Tokyo", colour: "#e75480", address: "〒100-0005 東京都千代田区丸の内1-1-1 | さくらビル 8階 | 日本", contact: ("田中 美咲", "tanaka"), phone: "+81 3-5550-0110", logo: shape(Pattern::Disc, 256, 256) },
    Firm { key: "nil-tech", name: "النيل للتقنية", tier: "Gold", locale: "ar-EG", time_zone: "Africa/Cairo", colour: "#006c35", address: "١٢ شارع طلعت حرب | القاهرة ١١٥١١ | مصر", contact: ("ليلى حسن", "layla"), phone: "+20 2 5550 0123", logo: shape(Pattern::Wave, 640, 80) },
    Firm { key: "galil-networks", name: "רשתות הגליל בע״מ", tier: "Silver", locale: "he-IL", time_zone: "Asia/Jerusalem", colour: "#0038b8", address: "רחוב העצמאות 24 | חיפה 3303321 | ישראל", contact: ("נועה לוי", "noa"), phone: "+972 4 555 0133", logo: None },
    Firm { key: "dnipro-soft", name: "ДніпроСофт", tier: "Silver", locale: "uk-UA", time_zone: "Europe/Kyiv", colour: "#ffb000", address: "вул. Сагайдачного, 12 | 04070 Київ | Україна", contact: ("Олена Ковальчук", "olena"), phone: "+380 44 555 0177", logo: shape(Pattern::Checks, 200, 200) },
    Firm { key: "aegean-cloud", name: "Αιγαίο Cloud Α.Ε.", tier: "Registered", locale: "el-GR", time_zone: "Europe/Athens", colour: "#0d5eaf", address: "Λεωφόρος Συγγρού 88 | 117 41 Αθήνα | Ελλάδα", contact: ("Γιώργος Παπαδάκης", "giorgos"), phone: "+30 21 0555 0199", logo: None },
    Firm { key: "changjiang-it", name: "长江信息技术有限公司", tier: "Gold", locale: "zh-CN", time_zone: "Asia/Shanghai", colour: "#de2910", address: "中山东一路18号 | 上海市黄浦区 200002 | 中国", contact: ("王小明", "wang"), phone: "+86 21 5550 0166", logo: shape(Pattern::Solid, 180, 60) },
    Firm { key: "hangang-systems", name: "한강시스템즈", tier: "Silver", locale: "ko-KR", time_zone: "Asia/Seoul", colour: "#003478", address: "서울특별시 마포구 월드컵북로 396 | 03925 | 대한민국", contact: ("김서연", "kim"), phone: "+82 2-555-0121", logo: shape(Pattern::Wave, 240, 240) },
    Firm { key: "ganga-infotech", name: "गंगा इन्फोटेक प्रा. लि.", tier: "Registered", locale: "hi-IN", time_zone: "Asia/Kolkata", colour: "#ff671f", address: "14, एम. जी. रोड | पुणे 411001 | भारत", contact: ("प्रिया शर्मा", "priya"), phone: "+91 20 5550 0188", logo: None },
    Firm { key: "sao-joao-digital", name: "São João Digital Ltda.", tier: "Silver", locale: "pt-BR", time_zone: "America/Sao_Paulo", colour: "#009739", address: "Av. Paulista, 1.578 – Conj. 41 | 01310-200 São Paulo – SP | Brasil", contact: ("João Gonçalves", "joao"), phone: "+55 11 5550-0155", logo: shape(Pattern::Disc, 90, 270) },
    Firm { key: "penaranda-redes", name: "Peñaranda Redes, S.L.", tier: "Registered", locale: "es-ES", time_zone: "Europe/Madrid", colour: "#aa151b", address: "C/ Alcalá, 45, 3.º izda. | 28014 Madrid | España", contact: ("Íñigo Núñez", "inigo"), phone: "+34 910 55 50 11", logo: None },
    Firm { key: "lodz-serwis", name: "Łódź Serwis Informatyczny", tier: "Registered", locale: "pl-PL", time_zone: "Europe/Warsaw", colour: "#8b0000", address: "ul. Piotrkowska 104 | 90-926 Łódź | Polska", contact: ("Małgorzata Wójcik", "malgorzata"), phone: "+48 42 555 01 90", logo: shape(Pattern::Ring, 320, 200) },
    Firm { key: "istanbul-bilisim", name: "İstanbul Bilişim Çözümleri A.Ş.", tier: "Gold", locale: "tr-TR", time_zone: "Europe/Istanbul", colour: "#d00000", address: "Büyükdere Cad. No: 185 | 34394 Şişli/İstanbul | Türkiye", contact: ("Çağla Işık", "cagla"), phone: "+90 212 555 01 44", logo: shape(Pattern::Checks, 400, 100) },
    Firm { key: "oresund-drift", name: "Øresund Drift ApS", tier: "Silver", locale: "da-DK", time_zone: "Europe/Copenhagen", colour: "#14532d", address: "Nørregade 12, 2. th. | 1165 København K | Danmark", contact: ("Søren Ægidius", "soren"), phone: "+45 55 50 01 22", logo: shape(Pattern::Stripes, 120, 480) },
    Firm { key: "reykjavik-hosting", name: "Reykjavík Hýsing ehf.", tier: "Registered", locale: "is-IS", time_zone: "Atlantic/Reykjavik", colour: "#02529c", address: "Laugavegur 77 | 101 Reykjavík | Ísland", contact: ("Þórdís Jónsdóttir", "thordis"), phone: "+354 555 0133", logo: None },
    Firm { key: "praha-cloudworks", name: "Příští Cloudworks s.r.o.", tier: "Registered", locale: "cs-CZ", time_zone: "Europe/Prague", colour: "#11457e", address: "Žižkova 1872/89 | 130 00 Praha 3 | Česko", contact: ("Tomáš Dvořák", "tomas"), phone: "+420 255 550 114", logo: shape(Pattern::Triangle, 100, 100) },
    Firm { key: "hanoi-solutions", name: "Giải pháp Hà Nội", tier: "Registered", locale: "vi-VN", time_zone: "Asia/Ho_Chi_Minh", colour: "#b8860b", address: "36 phố Tràng Tiền | Hoàn Kiếm, Hà Nội | Việt Nam", contact: ("Nguyễn Thị Hương", "huong"), phone: "+84 24 5550 0177", logo: shape(Pattern::Solid, 33, 120) },
    Firm { key: "chao-phraya", name: "เจ้าพระยาเน็ตเวิร์ค", tier: "Registered", locale: "th-TH", time_zone: "Asia/Bangkok", colour: "#5b2c83", address: "99/1 ถนนสีลม | กรุงเทพมหานคร 10500 | ประเทศไทย", contact: ("สมชาย ใจดี", "somchai"), phone: "+66 2 555 0155", logo: None },
    Firm { key: "obrien-sons", name: "O’Brien & Sons <IT>", tier: "Silver", locale: "en-IE", time_zone: "Europe/Dublin", colour: "#169b62", address: "3 Fishamble Street, 2nd floor | Dublin D08 | Ireland", contact: ("Siobhán O’Brien", "siobhan"), phone: "+353 1 555 0112", logo: shape(Pattern::Ring, 600, 75) },
    Firm { key: "acme-rocket", name: "ACME 🚀 Rocket-Powered I.T.", tier: "Gold", locale: "en-GB", time_zone: "Europe/London", colour: "#222222", address: "Unit 7, Old Brewery Yard | Sheffield S3 8AB | United Kingdom", contact: ("Zoë Hart", "zoe"), phone: "+44 114 555 0101", logo: shape(Pattern::Triangle, 60, 300) },
    Firm { key: "maple-ridge", name: "Maple Ridge Technology Partners, Inc.", tier: "Gold", locale: "en-CA", time_zone: "America/Vancouver", colour: "#7a1f1f", address: "2201 Granville Street | Vancouver, BC V6H 3S1 | Canada", contact: ("Mei-Ling O’Connor", "mei-ling"), phone: "+1 604 555 0170", logo: shape(Pattern::Wave, 1_000, 250) },
    Firm { key: "southern-cross", name: "Southern Cross Managed Services Pty Ltd", tier: "Platinum", locale: "en-AU", time_zone: "Australia/Sydney", colour: "#00629b", address: "Level 14, 200 George Street | Sydney NSW 2000 | Australia", contact: ("Jack Nguyen", "jack"), phone: "+61 2 5550 0136", logo: shape(Pattern::Checks, 128, 128) },
    Firm { key: "zulu-connect", name: "Zulu Connect", tier: "Registered", locale: "en-ZA", time_zone: "Africa/Johannesburg", colour: "#ffcd00", address: "11 Rivonia Road | Sandton 2196 | South Africa", contact: ("Thandiwe Nkosi", "thandiwe"), phone: "", logo: None },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_25_are_all_different_and_of_all_tiers() {
        let brands: Vec<_> = (0..25).map(brand).collect();
        for tier in ["Registered", "Silver", "Gold", "Platinum"] {
            assert!(brands.iter().filter(|brand| brand.tier == tier).count() >= 3, "{tier}");
        }
        let mut colours: Vec<_> = brands.iter().map(|brand| brand.colour.clone()).collect();
        colours.sort();
        colours.dedup();
        assert_eq!(colours.len(), 25);
        assert!(brands.iter().any(|brand| brand.logo.is_none()));
    }

    #[test]
    fn keys_and_sender_addresses_stay_apart_at_scale() {
        let mut keys: Vec<_> = (0..23_000).map(|index| brand(index).key).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 23_000);
        for index in [0, 24, 25, 22_999] {
            let brand = brand(index);
            format!("news@{}", brand.domain).parse::<domain::EmailAddress>().unwrap();
        }
    }
}
