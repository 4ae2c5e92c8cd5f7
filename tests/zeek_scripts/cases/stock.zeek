# @TEST-DOC: Stock logs are the same with and without the scripts.
# @TEST-EXEC: bash $SCRIPTS/stock.sh with $FLOWPRINT
# @TEST-EXEC: bash $SCRIPTS/stock.sh without
# @TEST-EXEC: diff -r with without
# @TEST-EXEC: test -s with/conn -a -s with/ssl -a -s with/http -a -s with/x509
