# A manager whose first logger comes late, and is killed before what it was given last is surely
# written. Its second logger gets that again.
node() {
	mkdir -p $1
	cp "$SCRIPTS/cluster-layout.zeek" $1
	(cd $1 && CLUSTER_NODE=$2 exec timeout 60 zeek -b $FLOWPRINT ../$3 > said 2>&1) &
}
node manager manager $1
sleep 3
node first logger $1
first=$!
for tenth in $(seq 300); do
	grep -q found first/notice.log 2>/dev/null && break
	sleep 0.1
done
pkill -9 -P $first
sleep 1
node second logger $1
wait
