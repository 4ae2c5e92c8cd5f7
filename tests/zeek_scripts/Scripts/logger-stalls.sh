# A manager whose first logger hangs for longer than it should take to write a notice, and is killed
# then. Its second logger gets the notice again.
node() {
	mkdir -p $1
	cp "$SCRIPTS/cluster-layout.zeek" $1
	(cd $1 && CLUSTER_NODE=$2 exec timeout 60 zeek -b $FLOWPRINT ../$3 > said 2>&1) &
}
node first logger $1
first=$!
node manager manager $1
for tenth in $(seq 300); do
	grep -q 'logger up' manager/said 2>/dev/null && break
	sleep 0.1
done
pkill -STOP -P $first
bash $SCRIPTS/outbox.sh outbox.tsv 'a1|FlowPrint::Unseen_App|-|-|-|-|-|found|id=a1|1|app/1|1'
sleep 9
pkill -9 -P $first
sleep 1
node second logger $1
wait
