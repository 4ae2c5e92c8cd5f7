# A manager whose first logger comes late, and is killed before what it was given last is surely
# written. Its second logger gets that again.
. "$SCRIPTS/nodes.sh"
node manager manager $1
sleep 3
node first logger $1
first=$!
wait_for found first/notice.log
pkill -9 -P $first
sleep 1
node second logger $1
wait
