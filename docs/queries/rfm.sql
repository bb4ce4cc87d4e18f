-- Recency, frequency and monetary value of every customer of a synced table of invoice lines: days since the last
-- purchase, number of invoices, money spent, lines. Runs as it is on DuckDB, Spark and Hive, in a session whose time
-- zone is UTC. shop.retail_now is the view that `millrace ddl --view` declares; shop.retail, with its newest dt, does
-- as well. Left out: lines without a customer, cancelled invoices (C...), returns, lines that cost nothing.
WITH purchase AS (
  SELECT
    customer_id, invoice, quantity * price AS amount,
    -- Days since a fixed one (right from 1901 to 2099): the three have no common word for the days between two dates.
    367 * year(invoice_date) - floor(7 * (year(invoice_date) + floor((month(invoice_date) + 9) / 12)) / 4)
      + floor(275 * month(invoice_date) / 9) + day(invoice_date) AS day_number
  FROM shop.retail_now
  WHERE customer_id IS NOT NULL AND invoice NOT LIKE 'C%' AND quantity > 0 AND price > 0
),
today AS (
  -- The day that recency is counted to.
  SELECT
    367 * year(d) - floor(7 * (year(d) + floor((month(d) + 9) / 12)) / 4) + floor(275 * month(d) / 9) + day(d)
      AS day_number
  FROM (SELECT CAST('2010-07-01' AS DATE) AS d) t
)
SELECT
  p.customer_id,
  CAST(max(t.day_number) - max(p.day_number) AS INT) AS recency_days,
  count(DISTINCT p.invoice) AS frequency_invoices,
  CAST(round(sum(p.amount), 2) AS DECIMAL(18, 2)) AS monetary,
  count(*) AS line_count
FROM purchase p CROSS JOIN today t
GROUP BY p.customer_id
ORDER BY p.customer_id
