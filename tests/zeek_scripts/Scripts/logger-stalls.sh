# A manager whose first logger hangs for longer than it should take to write a notice, and is killed
# then. Its second logger gets the notice again.
. "$SCRIPTS/nodes.sh"
node first logger $1
first=$!
node manager manager $1
wait_for 'logger up' manager/said
pkill -STOP -P $first
bash $SCRIPTS/outbox.sh outbox.tsv 'a1|FlowPrint::Unseen_App|-|-|-|-|-|found|id=a1|1|app/1|1'
sleep 9
pkill -9 -P $first
sleep 1
node second logger $1
wait
