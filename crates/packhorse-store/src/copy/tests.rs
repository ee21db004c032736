//! That the list of tables is complete.

use super::*;

#[tokio::test]
async fn every_column_of_every_table_is_copied() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("x.db").display());
    let database = Database::open(&url).await.unwrap();
    let mut session = database.read().await.unwrap();
    let found = session
        .all(
            "SELECT m.name AS of, c.name AS name FROM sqlite_master m \
             JOIN pragma_table_info(m.name) c WHERE m.type = 'table' \
             AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '_sqlx_%' \
             AND m.name NOT IN ('master_check', 'schema_floor') ORDER BY 1, 2",
            &[],
        )
        .await
        .unwrap();
    let found: Vec<(String, String)> = found
        .iter()
        .map(|column| (column.get("of").unwrap(), column.get("name").unwrap()))
        .collect();
    let mut listed: Vec<_> = TABLES
        .iter()
        .flat_map(|table| {
            let columns = table.columns.iter();
            columns.map(|(name, _)| (table.name.to_owned(), (*name).to_owned()))
        })
        .collect();
    listed.sort();
    assert_eq!(listed, found);
}
