//! Statements that run all day use the index they were written for.

use sqlx::{Connection, Row};

use crate::builder::Book;

async fn plan(book: &Book, statement: &str) -> String {
    let mut connection = sqlx::SqliteConnection::connect(book.database.url()).await.unwrap();
    let sql = format!("EXPLAIN QUERY PLAN {statement}");
    let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>("detail")).collect::<Vec<_>>().join("\n")
}

fn without_comments(statement: &str) -> String {
    statement.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n")
}

macro_rules! statement {
    ($path:literal) => {
        without_comments(include_str!(concat!("../../queries/", $path)))
    };
}

fn one_row(text: &str, columns: usize) -> String {
    store::bulk(store::Engine::Sqlite, text, columns, 1)
}

#[tokio::test]
async fn feed_looks_into_the_index_of_due_sends() {
    let book = Book::on_sqlite().await;
    let due = plan(&book, &statement!("send/due_of_activation.sql")).await;
    assert!(due.contains("COVERING INDEX send_due (activation_id=? AND due_at<?)"), "{due}");
    assert!(!due.contains("TEMP B-TREE"), "{due}");
    let lanes = plan(&book, &statement!("activation/lanes.sql")).await;
    assert!(lanes.contains("COVERING INDEX send_due (activation_id=?)"), "{lanes}");
    assert!(lanes.contains("activation_state"), "{lanes}");
    let next = plan(&book, &statement!("send/next_due.sql")).await;
    assert!(next.contains("COVERING INDEX send_due (activation_id=?)"), "{next}");
    let oldest = plan(&book, &statement!("send/oldest_due.sql")).await;
    assert!(oldest.contains("send_due"), "{oldest}");
}

#[tokio::test]
async fn no_statement_over_many_rows_walks_a_table() {
    let book = Book::on_sqlite().await;
    let statements = [
        (statement!("send/jobs_many.sql"), 3),
        (statement!("send/queue_many.sql"), 5),
        (statement!("send/merge_read_many.sql"), 1),
        (statement!("send/merge_write_many.sql"), 12),
        (statement!("send/bounced_contacts_many.sql"), 1),
        (statement!("send/make_due_many.sql"), 2),
        (statement!("send/reschedule_many.sql"), 3),
        (statement!("activation/complete_many.sql"), 2),
        (statement!("activation/live_many.sql"), 2),
        (statement!("activation/latest_many.sql"), 2),
        (statement!("activation/feed_facts_many.sql"), 1),
        (statement!("contact/find_many.sql"), 2),
        (statement!("contact/bounce_many.sql"), 1),
        (statement!("person/find_many.sql"), 2),
        (statement!("consent/missing_many.sql"), 3),
        (statement!("suppression/missing_many.sql"), 3),
        (statement!("event/tracks_of_sends_many.sql"), 1),
        (statement!("event/outcomes_of_sends_many.sql"), 1),
        (statement!("event/persons_many.sql"), 2),
        (statement!("event/set_counted_many.sql"), 1),
        (statement!("rollup_hour/sum_many.sql"), 3),
        (statement!("rollup_hour/drop_empty_many.sql"), 5),
        (statement!("rollup_link/drop_empty_many.sql"), 5),
    ];
    for (text, columns) in statements {
        let plan = plan(&book, &one_row(&text, columns)).await;
        for line in plan.lines().filter(|line| line.starts_with("SCAN")) {
            let of_the_rows =
                line.contains(" v") || line.contains("CONSTANT ROW") || line.contains("subquery");
            assert!(of_the_rows, "{text}\n{plan}");
        }
        assert!(!plan.contains("AUTOMATIC"), "{text}\n{plan}");
    }
}

#[tokio::test]
async fn walks_follow_their_index() {
    let book = Book::on_sqlite().await;
    let queued = plan(&book, &statement!("send/queued_page.sql")).await;
    assert!(queued.contains("COVERING INDEX send_queued"), "{queued}");
    assert!(!queued.contains("TEMP B-TREE"), "{queued}");
    let chunk = plan(&book, &statement!("contact/audience_chunk.sql")).await;
    assert!(
        chunk.contains("contact_walk (list_id=? AND contact_id>?)")
            && !chunk.contains("TEMP B-TREE"),
        "{chunk}"
    );
    for text in [statement!("contact/export_page.sql"), statement!("contact/fields_page.sql")] {
        let page = plan(&book, &text).await;
        assert!(page.contains("contact_walk (list_id=? AND contact_id>?)"), "{page}");
        assert!(!page.contains("TEMP B-TREE") && !page.contains("SCAN"), "{page}");
    }
    let partners = plan(&book, &statement!("partner/export_page.sql")).await;
    assert!(partners.contains("(vendor_id=? AND partner_key>?)"), "{partners}");
    assert!(!partners.contains("TEMP B-TREE") && !partners.contains("SCAN"), "{partners}");
    let late = plan(&book, &statement!("contact/late_chunk.sql")).await;
    assert!(late.contains("contact_change (list_id=? AND change_number>?)"), "{late}");
    let events = plan(&book, &statement!("event/page_activation.sql")).await;
    assert!(events.contains("event_activation (activation_id=? AND event_id>?)"), "{events}");
    let skip = plan(&book, &statement!("send/skip_person.sql")).await;
    assert!(skip.contains("(activation_id=? AND person_id=?)"), "{skip}");
    let skip = plan(&book, &statement!("send/skip_topic.sql")).await;
    assert!(skip.contains("(activation_id=? AND person_id=?)"), "{skip}");
    let cancel = plan(&book, &statement!("send/cancel_open.sql")).await;
    assert!(
        cancel.contains("INDEX send_queued (activation_id=?)")
            && cancel.contains("INDEX send_due (activation_id=?)"),
        "{cancel}"
    );
}

#[tokio::test]
async fn what_came_back_is_read_from_its_counts() {
    let book = Book::on_sqlite().await;
    let span = plan(&book, &statement!("rollup_hour/span.sql")).await;
    assert!(!span.contains("SCAN rollup_hour"), "{span}");
    let sum = plan(&book, &one_row(&statement!("rollup_hour/sum_many.sql"), 3)).await;
    assert!(sum.contains("(activation_id=? AND hour>? AND hour<?)"), "{sum}");
    let ended = plan(&book, &statement!("send/ended.sql")).await;
    assert!(ended.contains("COVERING INDEX send_ended (activation_id=?)"), "{ended}");
    assert!(!ended.contains("TEMP B-TREE"), "{ended}");
    for (text, index) in [
        (statement!("event/uncounted.sql"), "event_uncounted"),
        (statement!("event_class/uncounted.sql"), "event_class_uncounted"),
        (
            statement!("event/mail_page.sql"),
            "event_of_mail (activation_id=? AND kind=? AND send_id>?)",
        ),
        (
            statement!("event_class/people_page.sql"),
            "event_class_activation (activation_id=? AND kind=? AND class=? AND send_id>?)",
        ),
    ] {
        let page = plan(&book, &text).await;
        assert!(page.contains(index), "{text}\n{page}");
    }
    let any = plan(&book, &statement!("rollup_hour/any_uncounted.sql")).await;
    assert!(any.contains("event_uncounted") && any.contains("event_class_uncounted"), "{any}");
}

#[tokio::test]
async fn a_page_of_a_list_follows_one_index() {
    let book = Book::on_sqlite().await;
    let pages = [
        (
            statement!("partner/page_vendor.sql"),
            "partner_vendor_walk (vendor_id=? AND partner_id>?)",
        ),
        (
            statement!("partner/page_vendor_tier.sql"),
            "partner_vendor_tier_walk (vendor_id=? AND tier=? AND partner_id>?)",
        ),
        (
            statement!("partner/page_company.sql"),
            "partner_company_walk (company_id=? AND partner_id>?)",
        ),
        (
            statement!("package/page_vendor.sql"),
            "package_vendor_walk (vendor_id=? AND package_id>?)",
        ),
        (
            statement!("activation/page_all_state.sql"),
            "activation_state (state=? AND activation_id<?)",
        ),
        (
            statement!("activation/page_vendor.sql"),
            "activation_vendor_walk (vendor_id=? AND activation_id<?)",
        ),
        (
            statement!("activation/page_vendor_state.sql"),
            "activation_vendor_state_walk (vendor_id=? AND state=? AND activation_id<?)",
        ),
        (
            statement!("activation/page_company.sql"),
            "activation_company_walk (company_id=? AND activation_id<?)",
        ),
        (statement!("partner/page_all.sql"), "(partner_id>?)"),
        (statement!("activation/page_all.sql"), "(activation_id<?)"),
        (statement!("package_version/page.sql"), "(package_id=? AND number<?)"),
        (statement!("api_request/forget.sql"), "api_request_forget (forget_at<?)"),
    ];
    for (text, index) in pages {
        let plan = plan(&book, &text).await;
        assert!(plan.contains(index), "{text}\n{plan}");
        assert!(!plan.contains("TEMP B-TREE") && !plan.contains("SCAN"), "{text}\n{plan}");
    }
}
