# A manager and its logger that are stopped together right after a finding was raised, and start
# again.
node() {
	mkdir -p $1
	cp "$SCRIPTS/cluster-layout.zeek" $1
	(cd $1 && CLUSTER_NODE=$2 exec timeout 60 zeek -b $FLOWPRINT ../$3 > said 2>&1) &
}
for round in 1 2; do
	node logger$round logger $1
	logger=$!
	node manager manager $1
	manager=$!
	for tenth in $(seq 300); do
		grep -q "$(test $round = 1 && echo raised || echo acknowledged)" manager/said 2>/dev/null && break
		sleep 0.1
	done
	test $round = 2 && sleep 3
	pkill -TERM -P $logger
	pkill -TERM -P $manager
	wait
done
