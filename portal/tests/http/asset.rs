//! Images of mail: for ever the same under their name, and nothing else under it.

use domain::{ContentHash, UtcMillis};
use reqwest::Method;

use crate::running::Running;

#[tokio::test]
async fn an_image_is_served_for_ever_under_its_hash() {
    let portal = Running::start().await;
    let bytes = b"\x89PNG\r\n\x1a\nnot really";
    let hash = portal.store.put_asset(bytes, "image/png", UtcMillis::new(0)).await.unwrap();
    let image = portal.get(&format!("/a/{hash}.png")).await;
    assert_eq!(image.status(), 200);
    assert_eq!(image.headers()["content-type"], "image/png");
    assert_eq!(image.headers()["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(image.headers()["x-content-type-options"], "nosniff");
    let tag = image.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(image.bytes().await.unwrap().as_ref(), bytes);

    let again = reqwest::Client::new()
        .get(format!("http://{}/a/{hash}.png", portal.address))
        .header("if-none-match", tag)
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), 304);
    let head = portal.ask(Method::HEAD, &format!("/a/{hash}.png"), "").await;
    assert_eq!(head.headers()["content-length"], bytes.len().to_string().as_str());
}

#[tokio::test]
async fn any_other_name_leads_nowhere() {
    let portal = Running::start().await;
    let hash = portal.store.put_asset(b"an image", "image/png", UtcMillis::new(0)).await.unwrap();
    let page = portal.store.put_asset(b"<script>", "text/html", UtcMillis::new(0)).await.unwrap();
    let absent = ContentHash::of(b"absent");
    for name in [
        format!("{hash}.jpg"),
        format!("{hash}.svg"),
        format!("{hash}.html"),
        format!("{hash}"),
        format!("{page}.html"),
        format!("{page}.png"),
        format!("{absent}.png"),
        format!("{}.png", hash.as_str().to_uppercase()),
        "..%2f..%2fetc%2fpasswd".to_owned(),
        "%ff.png".to_owned(),
    ] {
        assert_eq!(portal.get(&format!("/a/{name}")).await.status(), 404, "{name}");
    }
}
