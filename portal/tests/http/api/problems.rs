//! What is wrong with a request, with its place.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use store::StoreOptions;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::world::{World, wide};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn a_query_is_read_to_the_letter() {
    let world = World::start().await;
    for (query, parameter, word) in [
        ("limit=0", "limit", "from 1 to 200"),
        ("limit=201", "limit", "from 1 to 200"),
        ("limit=ten", "limit", "from 1 to 200"),
        ("limit=1&limit=2", "limit", "one value"),
        ("limit=", "limit", "from 1 to 200"),
        ("cursor=x", "cursor", "an id like par_"),
        ("cursor=act_0000000000001", "cursor", "an id like par_"),
        ("vendor=com_01j00000000000000000000000", "vendor", "an id like ven_"),
        ("tier=a%0D%0Ab", "tier", "no control characters"),
        ("tier=", "tier", "1 to 40 characters"),
    ] {
        let problem = world.get(&format!("/partners?{query}"), &world.ops_key).await.problem(400);
        let error = &problem["errors"][0];
        assert_eq!(error["parameter"], parameter, "{query}: {problem}");
        assert!(error["expected"].as_str().unwrap().contains(word), "{query}: {problem}");
    }
    let problem = world.get("/partners?limti=5&teir=Gold", &world.ops_key).await.problem(400);
    let said: Vec<&str> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["detail"].as_str().unwrap())
        .collect();
    assert_eq!(
        said,
        [
            "there is no such parameter; did you mean \"limit\"?",
            "there is no such parameter; did you mean \"tier\"?"
        ]
    );
    let missing = world.get("/suppressions", &world.ops_key).await.problem(400);
    assert_eq!(missing["errors"][0]["parameter"], "scope");
    let tier = world.get("/partners?tier=Gould", &world.ops_key).await.problem(404);
    assert_eq!(tier["detail"], "there is no tier \"Gould\"; did you mean \"Gold\"?");
    assert_eq!(world.get("/partners?tier=gold", &world.ops_key).await.status, 200);
    let none = world.get("/activations/act_0000000000001?x=1", &world.ops_key).await.problem(400);
    assert_eq!(none["errors"][0]["expected"], "no parameters");
}

#[tokio::test]
async fn an_id_of_another_kind_names_nothing() {
    let world = World::start().await;
    for (path, expected) in [
        ("/partners/act_0000000000001", "an id like par_01j00000000000000000000000"),
        ("/partners/p1", "an id like par_01j00000000000000000000000"),
        ("/activations/act_zzzzzzzzzzzzz", "an id like act_0000000000abc"),
        ("/activations/par_01j00000000000000000000000", "an id like act_0000000000abc"),
        ("/partners/%00", "an id like par_01j00000000000000000000000"),
        ("/partners/par_01j0000000000000000000000%0a", "an id like par_01j00000000000000000000000"),
    ] {
        let problem = world.get(path, &world.ops_key).await.problem(404);
        assert_eq!(problem["errors"][0]["expected"], expected, "{path}: {problem}");
    }
    world.get("/partners/%ff", &world.ops_key).await.problem(404);
}

#[tokio::test]
async fn a_body_is_held_against_its_description() {
    let world = World::start().await;
    let tenant = world.tenant("northwind").await;
    let launch = |change: &dyn Fn(&mut Value)| {
        let mut body = json!({ "package": tenant.package, "partners": [tenant.partner] });
        change(&mut body);
        body
    };
    type Change = fn(&mut Value);
    let cases: &[(Change, &str, &str)] = &[
        (|body| body["pakage"] = json!(1), "/pakage", "did you mean \"package\"?"),
        (|body| body["a/b~c"] = json!(1), "/a~1b~0c", "there is no such member"),
        (|body| body["again"] = json!("yes"), "/again", "is a string"),
        (|body| body["slots"] = json!({ "headline": 7 }), "/slots/headline", "is a number"),
        (
            |body| body["slots"] = json!({ "headline": "x".repeat(10_001) }),
            "/slots/headline",
            "10001",
        ),
        (|body| body["partners"] = json!([]), "/partners", "has 0 items"),
        (|body| body["partners"] = json!("all"), "/partners", "none of these"),
        (|body| body["partners"] = json!(null), "/partners", "is null"),
        (|body| body["partners"] = json!(["p1"]), "/partners/0", "got \"p1\""),
        (
            |body| body["partners"] = json!(["par_01j00000000000000000000000", 3]),
            "/partners/1",
            "is a number",
        ),
        (|body| body["start"] = json!("tomorrow"), "/start", "got \"tomorrow\""),
        (|body| body["list"] = json!("a\r\nBcc: x"), "/list", "got \"a  Bcc: x\""),
        (|body| body["list"] = json!(""), "/list", "has 0 characters"),
        (|body| body["list"] = json!(null), "/list", "is null"),
    ];
    for (change, pointer, word) in cases {
        let body = launch(change);
        let problem = world.post("/launches", &world.ops_key, &body).await.problem(422);
        let error = &problem["errors"][0];
        assert_eq!(error["pointer"], *pointer, "{problem}");
        assert!(error["detail"].as_str().unwrap().contains(word), "{problem}");
    }
    let problem = world.post("/launches", &world.ops_key, &json!({ "x": 1 })).await.problem(422);
    let pointers: Vec<&str> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(pointers, ["/package", "/partners", "/x"], "all that is wrong is said");
    for body in [json!([]), json!("x"), json!(7), json!(true)] {
        let problem = world.post("/launches", &world.ops_key, &body).await.problem(422);
        assert_eq!(problem["errors"][0]["pointer"], "", "{problem}");
    }
    // What the description can't know, the program says, at the same kind of place.
    let body = launch(&|body| body["slots"] = json!({ "hedline": "x" }));
    let problem = world.post("/launches", &world.ops_key, &body).await.problem(422);
    assert_eq!(problem["errors"][0]["pointer"], "/slots/hedline", "{problem}");
    let body = json!({
        "scope": tenant.company, "addresses": ["a@example.com", "nobody"], "reason": "manual",
    });
    let problem = world.post("/suppressions", &world.ops_key, &body).await.problem(422);
    assert_eq!(problem["errors"][0]["pointer"], "/addresses/1");
    let body = json!({ "package": tenant.package, "partner": tenant.partner, "step": "anounce" });
    let problem = world.post("/previews", &world.ops_key, &body).await.problem(404);
    assert_eq!(problem["detail"], "there is no step \"anounce\"; did you mean \"announce\"?");
}

#[tokio::test]
async fn a_body_that_is_no_json_is_told_where_it_breaks() {
    let world = World::start().await;
    let bearer = format!("Bearer {}", world.ops_key);
    let key = ("authorization", bearer.as_str());
    let post = async |headers: &[(&str, &str)], body: &str| {
        world.send(Method::POST, "/api/v1/launches", headers, Some(body.to_owned())).await
    };
    let broken = post(&[key, JSON], "{\n  \"package\": oops\n}").await.problem(400);
    let detail = broken["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.starts_with("line 2, column 14: no JSON"), "{detail}");
    post(&[key, JSON], "").await.problem(400);
    post(&[key, JSON], &"[".repeat(10_000)).await.problem(400);
    let deep = format!("{}{}", "{\"slots\":".repeat(100), "}".repeat(100));
    post(&[key, JSON], &deep).await.problem(400);
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""] {
        post(&[key, ("content-type", kind)], "{}").await.problem(415);
    }
    post(&[key], "{}").await.problem(415);
    post(&[key, ("content-type", "Application/JSON; charset=utf-8")], "{}").await.problem(422);
    let large = post(&[key, JSON], &format!("\"{}\"", "x".repeat(2 * 1024 * 1024))).await;
    assert_eq!(large.problem(413)["detail"], "a body may have 2097152 bytes at most");
    // Without a length that is announced.
    let answer =
        chunked(&world, &format!("{}: {}\r\n{}: {}\r\n", key.0, key.1, JSON.0, JSON.1)).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    // Nobody without a key gets so far as to have a body read.
    post(&[JSON], "{").await.problem(401);
}

/// What is answered to a body that goes on and on and does not say how long it is.
async fn chunked(world: &World, headers: &str) -> String {
    let mut connection = TcpStream::connect(world.address).await.unwrap();
    let head = format!(
        "POST /api/v1/launches HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Transfer-Encoding: chunked\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    for _ in 0..40 {
        // The answer may come, and the connection close, before all of it is sent.
        if connection.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
    }
    // Whoever has read all of it has something to answer too.
    let _ = connection.write_all(b"0\r\n\r\n").await;
    let mut line = vec![0; 64];
    let read = connection.read(&mut line).await.unwrap();
    String::from_utf8_lossy(&line[..read]).into_owned()
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there_are_problems_too() {
    let world = World::start().await;
    for path in [
        "/api",
        "/api/",
        "/api/v1",
        "/api/v1/",
        "/api/v1/nowhere",
        "/api/v2/partners",
        "/api/v1/partners/",
    ] {
        world.send(Method::GET, path, &[], None).await.problem(404);
    }
    for (method, path, allow) in [
        (Method::DELETE, "/api/v1/partners", "GET, HEAD"),
        (Method::POST, "/api/v1/partners", "GET, HEAD"),
        (Method::OPTIONS, "/api/v1/partners", "GET, HEAD"),
        (Method::GET, "/api/v1/launches", "POST"),
        (Method::PUT, "/api/v1/suppressions", "GET, HEAD, POST"),
        (Method::from_bytes(b"QUERY").unwrap(), "/api/v1/openapi.json", "GET, HEAD"),
    ] {
        let answer = world.send(method.clone(), path, &[], None).await;
        answer.problem(405);
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
    }
    let bearer = format!("Bearer {}", world.ops_key);
    let head =
        world.send(Method::HEAD, "/api/v1/partners", &[("authorization", &bearer)], None).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
}

#[tokio::test]
async fn what_is_away_is_said_without_what_is_behind_it() {
    let world = World::start().await;
    world.store.close().await;
    let answer = world.get("/partners", &world.ops_key).await;
    let problem = answer.problem(503);
    assert_eq!(problem["detail"], "a server of ours is away; nothing was done");
    assert_eq!(answer.header("retry-after"), "5");
    assert!(!answer.text.contains("pool") && !answer.text.contains("sqlite"), "{}", answer.text);
}

#[tokio::test]
async fn a_book_that_others_hold_is_asked_again_later() {
    let options = StoreOptions { busy_timeout: Duration::from_secs(1), ..StoreOptions::default() };
    let world = World::with_book(wide(), options).await;
    let tenant = world.tenant("northwind").await;
    let path = format!("/activations/{}", tenant.activation);
    let pause = format!("{path}/pause");
    let held = world.store.begin_write().await.unwrap();
    for name in [None, Some("a-name")] {
        let answer = world.post_as(&pause, &tenant.company_key, name, &Value::Null).await;
        let problem = answer.problem(503);
        assert_eq!(problem["detail"], "the book is busy; ask again");
        assert_eq!(answer.header("retry-after"), "5");
    }
    let shown = world.get(&path, &tenant.company_key).await.json();
    assert_eq!(shown["state"], "scheduled", "who reads does not wait, and nothing was done");
    held.rollback().await.unwrap();
    let done = world.post_as(&pause, &tenant.company_key, Some("a-name"), &Value::Null).await;
    assert_eq!((done.status, &done.json()["changed"]), (200, &Value::Bool(true)), "{done:?}");
}
