# A manager and its logger that are stopped together right after a finding was raised, and start
# again.
. "$SCRIPTS/nodes.sh"
for round in 1 2; do
	node logger$round logger $1
	logger=$!
	node manager manager $1
	manager=$!
	wait_for "$(test $round = 1 && echo raised || echo acknowledged)" manager/said
	test $round = 2 && sleep 3
	pkill -TERM -P $logger
	pkill -TERM -P $manager
	wait
done
