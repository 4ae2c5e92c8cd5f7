# For scripts that start and end nodes of a cluster.

# Starts a node in a folder of its own: node FOLDER NAME SCRIPT
node() {
	mkdir -p $1
	cp "$SCRIPTS/cluster-layout.zeek" $1
	(cd $1 && CLUSTER_NODE=$2 exec timeout 60 zeek -b $FLOWPRINT ../$3 > said 2>&1) &
}

# Waits until a file has a text, half a minute at most: wait_for TEXT FILE
wait_for() {
	for tenth in $(seq 300); do
		grep -q "$1" $2 2>/dev/null && break
		sleep 0.1
	done
}
