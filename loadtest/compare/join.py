# What an analytical database needs for the same files: read both, join them on the transaction id, say of each row
# whether it agrees, and write that to a file of its own.
import sys
import duckdb

statement, receipts, out = sys.argv[1:4]
db = duckdb.connect(out)
db.execute("SET threads = 2")
db.execute(
    """
    CREATE TABLE outcome AS
    SELECT s.*, r.receipt_no,
           CASE WHEN r.receipt_no IS NULL THEN 'missing_notice'
                WHEN r.amount_vnd <> CAST(s."Số tiền" AS BIGINT) THEN 'amount_differs'
                ELSE 'matched' END AS finding
    FROM read_csv(?, header = true, delim = ';', all_varchar = true) s
    LEFT JOIN read_csv(?, header = true) r ON r.txn = s."Mã giao dịch"
    """,
    [statement, receipts],
)
for finding, count in db.execute("SELECT finding, count(*) FROM outcome GROUP BY 1 ORDER BY 1").fetchall():
    print(finding, count)
db.close()
