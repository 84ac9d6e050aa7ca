//! Statements as data, in SQLite.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

use super::Sqlite;
use super::writer::Intent;
use crate::failure::StoreError;
use crate::statement::{Row, Statement, Value};

impl Sqlite {
    /// All of them in one transaction; the rows of each.
    pub(crate) async fn run(
        &self,
        intent: Intent,
        statements: Vec<Statement>,
    ) -> Result<Vec<Vec<Row>>, StoreError> {
        let run = move |transaction: &Connection| {
            statements.iter().map(|statement| rows(transaction, statement)).collect()
        };
        self.writer.write(intent, run).await
    }

    /// A statement that changes nothing.
    pub(crate) async fn ask(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        self.reader.read(move |connection| Ok(rows(connection, &statement)?)).await
    }
}

fn rows(connection: &Connection, statement: &Statement) -> rusqlite::Result<Vec<Row>> {
    let mut prepared = connection.prepare_cached(statement.sql)?;
    let columns = prepared.column_count();
    let found = prepared.query_map(params_from_iter(&statement.values), |row| {
        let values = (0..columns).map(|column| row.get_ref(column).map(value)).collect::<Result<_, _>>()?;
        Ok(Row::new(values))
    })?;
    found.collect()
}

fn value(stored: ValueRef<'_>) -> Value {
    match stored {
        // No column holds fractions.
        ValueRef::Null | ValueRef::Real(_) => Value::Null,
        ValueRef::Integer(number) => Value::Number(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_owned()),
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Number(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
