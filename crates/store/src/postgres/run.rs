//! Statements as data, in PostgreSQL.

use std::error::Error;

use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Row as Found, Statement as Prepared};

use super::{Postgres, unknown, unreadable};
use crate::failure::StoreError;
use crate::statement::{Row, Statement, Value};

impl Postgres {
    /// All of them in one transaction; the rows of each.
    pub(crate) async fn run(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await.map_err(unknown)?;
        let mut all = Vec::with_capacity(statements.len());
        for statement in &statements {
            let prepared: Prepared = transaction.prepare_cached(statement.sql).await.map_err(unknown)?;
            let rows = transaction.query(&prepared, &borrowed(statement)).await.map_err(unknown)?;
            all.push(rows.iter().map(row).collect());
        }
        transaction.commit().await.map_err(unknown)?;
        Ok(all)
    }

    /// A statement that changes nothing.
    pub(crate) async fn ask(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        let client = self.client().await?;
        let prepared = client.prepare_cached(statement.sql).await.map_err(unreadable)?;
        let rows = client.query(&prepared, &borrowed(&statement)).await.map_err(unreadable)?;
        Ok(rows.iter().map(row).collect())
    }
}

fn borrowed(statement: &Statement) -> Vec<&(dyn ToSql + Sync)> {
    statement.values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

fn row(found: &Found) -> Row {
    let value = |(column, described): (usize, &tokio_postgres::Column)| match *described.type_() {
        Type::INT8 => found.get::<_, Option<i64>>(column).map_or(Value::Null, Value::Number),
        Type::INT4 => {
            found.get::<_, Option<i32>>(column).map_or(Value::Null, |number| Value::Number(number.into()))
        }
        Type::TEXT => found.get::<_, Option<String>>(column).map_or(Value::Null, Value::Text),
        Type::BYTEA => found.get::<_, Option<Vec<u8>>>(column).map_or(Value::Null, Value::Bytes),
        _ => Value::Null,
    };
    Row::new(found.columns().iter().enumerate().map(value).collect())
}

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Number(number) => number.to_sql(ty, out),
            Self::Text(text) => text.to_sql(ty, out),
            Self::Bytes(bytes) => bytes.to_sql(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT8 | Type::TEXT | Type::BYTEA)
    }

    to_sql_checked!();
}
