package accept

const equivalentsIntro = `# What lxc does, and the same with lxd-pool

Every line of this page is run by a test, on a real LXD: the line of LXD on a container that ` + "`lxc launch`" + `
made, the line of lxd-pool through a lease, and then what the last column names is compared. The page is made
from the cases of that test.

` + "`C`" + ` is the name of a container, ` + "`LEASE`" + ` the id of a lease.
`

const (
	printedAndStatus = "what is printed, the exit status"
	exitStatus       = "the exit status"

	// anImage makes a small image that is like no other, as one tarball and as two.
	anImage = `mkdir rootfs; head -c 16 /dev/urandom >rootfs/different
		printf 'architecture: x86_64\ncreation_date: 1\nproperties: {os: equiv}\n' >metadata.yaml
		tar czf image.tar.gz metadata.yaml rootfs
		tar czf metadata.tar.gz metadata.yaml; tar czf rootfs.tar.gz -C rootfs .
		`
	// aTree makes one, and seeTree shows it.
	aTree = `mkdir -p tree/sub; echo one >tree/one; echo two >tree/sub/two; chmod 750 tree/sub; chmod 600 tree/one
		ln -s sub/two tree/link; ln -s /etc/passwd tree/away`
	seeTree = `find tree | sort | while read f; do stat -c "%n %a %u %g" $f; [ ! -L $f ] || readlink $f; done; cat tree/one tree/link`
	// theNew is the container of lxc, or an instance that the pool made since.
	theNew = `new=$C; [ $PROGRAM = lxc ] || { lxd-pool reset equiv; l=$(lxd-pool acquire equiv -q --wait 1m)
		new=$(lxd-pool leases equiv -f csv -c in | sed -n "s/^$l,//p"); lxd-pool release -q $l; }
		`
	// noProject takes the project away that a case made.
	noProject = `lxc project delete equiv >/dev/null`
	// imported has LXD have it.
	imported = anImage + "lxc image import image.tar.gz --alias equiv >/dev/null"
	// elsewhere has the other LXD have it.
	elsewhere = anImage + "LXD_DIR=$OTHER_DIR lxc image import image.tar.gz --public --alias equiv >/dev/null"
	// seeImage shows the image, but for what is another for each, and deletes it.
	seeImage = `lxc image show equiv | grep -v '_at:'; lxc image list -f csv -c l equiv; lxc image delete equiv`
)

var allEquivalents = []equivalents{
	{
		title: "Have a machine",
		owner: true,
		cases: []equivalent{
			{
				about:    "have one, use it, and give it back",
				lxc:      []string{`lxc launch lxd-pool/busybox one --ephemeral`, `lxc exec one -- sh -c 'exit 3'`, `lxc delete --force one`},
				pool:     []string{`lxd-pool run equiv -- sh -c 'exit 3'`},
				status:   3,
				see:      `case $PROGRAM in lxc) lxc list ^one$ -f csv -c n | wc -l ;; *) lxd-pool leases -q | wc -l ;; esac`,
				compared: "the exit status, and that nothing is left",
			}, {
				about:    "have a variable in all of its commands",
				lxc:      []string{`lxc launch lxd-pool/busybox one --config environment.V=X >/dev/null`, `lxc exec one -- sh -c 'echo "V is $V"'`, `lxc delete --force one`},
				pool:     []string{`lxd-pool run equiv --env V=X -- sh -c 'echo "V is $V"'`},
				compared: printedAndStatus,
			}, {
				about:    "have one with less memory",
				lxc:      []string{`lxc launch lxd-pool/busybox one --config limits.memory=64MiB >/dev/null`, `lxc exec one -- grep MemTotal /proc/meminfo`, `lxc delete --force one`},
				pool:     []string{`lxd-pool run equiv --memory 64MiB -- grep MemTotal /proc/meminfo`},
				compared: printedAndStatus,
			},
		},
	},
	{
		title: "Commands",
		cases: []equivalent{
			{
				about:    "run a command",
				lxc:      []string{`lxc exec $C -- hostname`},
				pool:     []string{`lxd-pool exec $LEASE -- hostname`},
				compared: printedAndStatus,
			}, {
				about:    "give it variables",
				lxc:      []string{`lxc exec $C --env V=X -- sh -c 'echo "V is $V"'`},
				pool:     []string{`lxd-pool exec $LEASE --env V=X -- sh -c 'echo "V is $V"'`},
				compared: printedAndStatus,
			}, {
				about:    "know how it ended",
				lxc:      []string{`lxc exec $C -- sh -c 'exit 7'`},
				pool:     []string{`lxd-pool exec $LEASE -- sh -c 'exit 7'`},
				status:   7,
				compared: exitStatus,
			}, {
				about:    "give it input",
				lxc:      []string{`echo hello | lxc exec $C -- tr a-z A-Z`},
				pool:     []string{`echo hello | lxd-pool exec $LEASE -- tr a-z A-Z`},
				compared: printedAndStatus,
			}, {
				about:    "choose its folder and its user",
				lxc:      []string{`lxc exec $C --cwd /tmp --user 1000 -- sh -c 'pwd; id -u'`},
				pool:     []string{`lxd-pool exec $LEASE --cwd /tmp --user 1000 -- sh -c 'pwd; id -u'`},
				compared: printedAndStatus,
			}, {
				about:    "run what is not there",
				lxc:      []string{`lxc exec $C -- nosuch`},
				pool:     []string{`lxd-pool exec $LEASE -- nosuch`},
				status:   127,
				see:      `echo`,
				compared: exitStatus,
			}, {
				about:    "open a shell",
				lxc:      []string{`lxc shell $C`},
				pool:     []string{`lxd-pool shell $LEASE`},
				typed:    "cd; pwd >/tmp/home; tty >/tmp/tty; exit\n",
				see:      `lxc exec $IT -- sh -c 'cat /tmp/home; grep -c /dev/ /tmp/tty'`,
				compared: "the home and the terminal that it has",
			},
		},
	},
	{
		title: "Files",
		cases: []equivalent{
			{
				about:    "push a file",
				before:   `echo mine >notes; chmod 640 notes`,
				lxc:      []string{`lxc file push notes $C/root/notes`},
				pool:     []string{`lxd-pool file push notes $LEASE/root/notes`},
				see:      `lxc exec $IT -- sh -c 'cat /root/notes; stat -c "%a %u %g" /root/notes'`,
				compared: "the file, with mode and owner",
			}, {
				about:    "say its mode and owner, and make its folder",
				before:   `echo mine >notes`,
				lxc:      []string{`lxc file push notes $C/srv/deep/notes -p --mode 0600 --uid 1000 --gid 1001`},
				pool:     []string{`lxd-pool file push notes $LEASE/srv/deep/notes -p --mode 0600 --uid 1000 --gid 1001`},
				see:      `lxc exec $IT -- sh -c 'cd /srv/deep; cat notes; stat -c "%n %a %u %g" notes'`,
				compared: "the file, with mode and owner",
			}, {
				about:    "push what comes in",
				lxc:      []string{`echo hello | lxc file push - $C/root/greeting`},
				pool:     []string{`echo hello | lxd-pool file push - $LEASE/root/greeting`},
				see:      `lxc exec $IT -- sh -c 'cat /root/greeting; stat -c "%u %g" /root/greeting'`,
				compared: "the file and its owner; its mode is 600 with lxc and 644 with lxd-pool",
			}, {
				about:    "push a tree",
				before:   aTree,
				lxc:      []string{`lxc file push -r tree $C/root`},
				pool:     []string{`lxd-pool file push -r tree $LEASE/root`},
				see:      `lxc exec $IT -- sh -c 'cd /root; ` + seeTree + `'`,
				compared: "the tree, with modes, owners and links",
			}, {
				about:    "list a folder",
				lxc:      []string{`lxc exec $C -- ls /root/tree >listed`},
				pool:     []string{`lxd-pool file list $LEASE/root/tree -q >listed`},
				see:      `cat listed`,
				compared: "the names",
			}, {
				about:    "pull a file",
				lxc:      []string{`lxc file pull $C/root/notes .`},
				pool:     []string{`lxd-pool file pull $LEASE/root/notes .`},
				see:      `cat notes; stat -c %a notes`,
				compared: "the file, with its mode",
			}, {
				about:    "pull to what goes out",
				lxc:      []string{`lxc file pull $C/root/notes - | tr a-z A-Z`},
				pool:     []string{`lxd-pool file pull $LEASE/root/notes - | tr a-z A-Z`},
				compared: printedAndStatus,
			}, {
				about:    "pull a tree",
				before:   `mkdir out`,
				lxc:      []string{`lxc file pull -r $C/root/tree out`},
				pool:     []string{`lxd-pool file pull -r $LEASE/root/tree out`},
				see:      `cd out; find tree | sort | xargs stat -c "%n %a %u %g"; cat tree/one tree/sub/two`,
				compared: "the tree, with modes and owners; lxc makes links absolute, lxd-pool keeps them as they are",
			}, {
				about:    "delete one",
				lxc:      []string{`lxc file delete $C/root/notes`},
				pool:     []string{`lxd-pool file delete $LEASE/root/notes`},
				see:      `lxc exec $IT -- ls /root`,
				compared: "what is left",
			}, {
				about:    "pull what is not there",
				lxc:      []string{`lxc file pull $C/root/nosuch .`},
				pool:     []string{`lxd-pool file pull $LEASE/root/nosuch .`},
				status:   1,
				see:      `ls | wc -l`,
				compared: "the exit status, and that nothing is left",
			},
		},
	},
	{
		title: "Snapshots",
		cases: []equivalent{
			{
				about:    "take one",
				lxc:      []string{`lxc snapshot $C first`},
				pool:     []string{`lxd-pool snapshot create $LEASE first`},
				see:      `lxc query /1.0/instances/$IT/snapshots`,
				compared: "the snapshots",
			}, {
				about:    "list them",
				lxc:      []string{`lxc info $C >listed`},
				pool:     []string{`lxd-pool snapshot list $LEASE >listed`},
				see:      `grep -ow first listed`,
				compared: "that it is in the list",
			}, {
				about:    "go back to one",
				before:   `lxc exec $IT -- sh -c 'echo old >/root/state'; lxc snapshot $IT then; lxc exec $IT -- sh -c 'echo new >/root/state'`,
				lxc:      []string{`lxc restore $C then`},
				pool:     []string{`lxd-pool snapshot restore $LEASE then`},
				see:      `lxc exec $IT -- cat /root/state; lxc list "^$IT$" -f csv -c s`,
				compared: "the files, and that it runs",
			}, {
				about:    "delete one",
				lxc:      []string{`lxc delete $C/first`},
				pool:     []string{`lxd-pool snapshot delete $LEASE first`},
				see:      `lxc query /1.0/instances/$IT/snapshots`,
				compared: "the snapshots that are left",
			},
		},
	},
	{
		title: "Stop and start",
		intro: "The lease goes on meanwhile.",
		cases: []equivalent{
			{
				about:    "pause",
				lxc:      []string{`lxc pause $C`},
				pool:     []string{`lxd-pool pause $LEASE`},
				see:      `lxc list "^$IT$" -f csv -c s`,
				compared: "its state",
			}, {
				about:    "go on",
				lxc:      []string{`lxc start $C`},
				pool:     []string{`lxd-pool resume $LEASE`},
				see:      `lxc list "^$IT$" -f csv -c s`,
				compared: "its state",
			}, {
				about:    "restart",
				before:   `lxc exec $IT -- sh -c 'setsid sleep 4242 >/dev/null 2>&1 &'`,
				lxc:      []string{`lxc restart --force $C`},
				pool:     []string{`lxd-pool restart --force $LEASE`},
				see:      `lxc list "^$IT$" -f csv -c s; lxc exec $IT -- sh -c 'ps | grep -c "[s]leep 4242"' || true`,
				compared: "its state, and that what ran before is gone",
			}, {
				about:    "stop",
				lxc:      []string{`lxc stop --force $C`},
				pool:     []string{`lxd-pool stop --force $LEASE`},
				see:      `lxc list "^$IT$" -f csv -c s`,
				compared: "its state",
			}, {
				about:    "start",
				lxc:      []string{`lxc start $C`},
				pool:     []string{`lxd-pool start $LEASE`},
				see:      `lxc list "^$IT$" -f csv -c s`,
				compared: "its state",
			},
		},
	},
	{
		title: "Information",
		cases: []equivalent{
			{
				about:    "know how it does",
				before:   `until lxc list "^$IT$" -f csv -c 4 | grep -q eth0; do sleep 0.1; done`,
				lxc:      []string{`lxc info $C >told`},
				pool:     []string{`lxd-pool info $LEASE >told`},
				see:      `grep -io running told; a=$(lxc list "^$IT$" -f csv -c 4 | cut -d' ' -f1); grep -cF "$a" told`,
				compared: "that its state and its address are told",
			}, {
				about:    "read the log of its start",
				lxc:      []string{`lxc info $C --show-log >told`},
				pool:     []string{`lxd-pool info $LEASE --show-log >told`},
				see:      `grep -ci '^ *log' told`,
				compared: "that the log is there",
			}, {
				about:    "read its console",
				before:   `lxc exec $IT -- sh -c 'echo equivalent >/dev/console'`,
				lxc:      []string{`lxc console $C --show-log >told`},
				pool:     []string{`lxd-pool info $LEASE --console >told`},
				see:      `grep -co equivalent told`,
				compared: "that it has what was written there",
			},
		},
	},
	{
		title: "Copies",
		cases: []equivalent{
			{
				about:  "have another one that is the same",
				before: `lxc exec $IT -- sh -c 'echo work >/root/work'`,
				lxc:    []string{`lxc copy $C $C-2`, `lxc start $C-2`},
				pool:   []string{`lxd-pool fork $LEASE`},
				see: `case $PROGRAM in lxc) copy=$C-2 ;; *) copy=$(lxd-pool leases equiv -f csv -c n | tail -n 1) ;; esac
					lxc exec $copy -- cat /root/work; [ $PROGRAM = lxd-pool ] || lxc delete --force $copy`,
				compared: "the files of the copy",
			},
		},
	},
	{
		title: "Remotes",
		intro: "lxc keeps remotes for a user, lxd-pool for the daemon and its pools.",
		owner: true,
		other: true,
		cases: []equivalent{
			{
				about:    "trust another LXD by a token",
				before:   `echo "TOKEN=$(LXD_DIR=$OTHER_DIR lxc config trust add --name equiv --quiet 2>/dev/null | grep ^ey)"`,
				lxc:      []string{`lxc remote add other $TOKEN`},
				pool:     []string{`lxd-pool remote add other --token $TOKEN`},
				see:      `$PROGRAM remote list -f csv | grep ^other, | cut -d, -f1-3`,
				compared: "its name, address and protocol",
			}, {
				about:    "list them",
				lxc:      []string{`lxc remote list -f csv >listed`},
				pool:     []string{`lxd-pool remote list -f csv >listed`},
				see:      `cut -d, -f1 listed | grep -v ^local | sort`,
				compared: "the names, but for the own LXD",
			}, {
				about:    "give it another name",
				lxc:      []string{`lxc remote rename other lab`},
				pool:     []string{`lxd-pool remote rename other lab`},
				see:      `$PROGRAM remote list -f csv | cut -d, -f1 | grep -v ^local | sort`,
				compared: "the names, but for the own LXD",
			}, {
				about:    "know one without its trust, for its public images",
				lxc:      []string{`lxc remote add public $OTHER --public --accept-certificate`},
				pool:     []string{`lxd-pool remote add public $OTHER --public --accept-certificate`},
				see:      `$PROGRAM remote list -f csv | grep ^public, | cut -d, -f1-3`,
				compared: "its name, address and protocol",
			}, {
				about:    "forget one",
				lxc:      []string{`lxc remote remove public`},
				pool:     []string{`lxd-pool remote remove public`},
				see:      `$PROGRAM remote list -f csv | cut -d, -f1 | grep -v ^local | sort`,
				compared: "the names, but for the own LXD",
			},
		},
	},
	{
		title: "Move to another LXD",
		other: true,
		cases: []equivalent{
			{
				about:    "move to another LXD",
				before:   `lxc exec $IT -- sh -c 'echo work >/root/work'`,
				lxc:      []string{`lxc stop --force $C`, `lxc move $C lab:$C --mode relay`, `lxc start lab:$C`},
				pool:     []string{`lxd-pool move $LEASE lab:`},
				see:      `export LXD_DIR=$OTHER_DIR; lxc list "^$IT$" -f csv -c s; lxc exec $IT -- cat /root/work`,
				compared: "that it runs there, and its files",
			}, {
				about:    "move it back",
				lxc:      []string{`lxc stop --force lab:$C`, `lxc move lab:$C $C --mode relay`, `lxc start $C`},
				pool:     []string{`lxd-pool move $LEASE local:`},
				see:      `lxc list "^$IT$" -f csv -c s; lxc exec $IT -- cat /root/work; LXD_DIR=$OTHER_DIR lxc list "^$IT$" -f csv -c n | wc -l`,
				compared: "that it runs here and is not there, and its files",
			},
		},
	},
	{
		title:   "Move within a cluster",
		cluster: true,
		cases: []equivalent{
			{
				about:    "move to another member",
				before:   `lxc exec $IT -- sh -c 'echo work >/root/work'; echo MEMBER=$(lxc list "^$IT$" -f csv -c L | sed 's/m1/m2/; t; s/.*/m1/')`,
				lxc:      []string{`lxc stop --force $C`, `lxc move $C --target $MEMBER`, `lxc start $C`},
				pool:     []string{`lxd-pool move $LEASE --target $MEMBER`},
				see:      `[ "$(lxc list "^$IT$" -f csv -c L)" = $MEMBER ]; lxc list "^$IT$" -f csv -c s; lxc exec $IT -- cat /root/work`,
				compared: "that it runs there, and its files",
			},
		},
	},
	{
		title: "Images",
		owner: true,
		other: true,
		cases: []equivalent{
			{
				about:    "import one",
				before:   anImage,
				lxc:      []string{`lxc image import image.tar.gz --alias equiv note=new`},
				pool:     []string{`lxd-pool image import image.tar.gz --alias equiv note=new`},
				see:      `lxc image show equiv | grep -v "_at:"; lxc image delete equiv`,
				compared: "the image",
			}, {
				about:    "import one of two files",
				before:   anImage,
				lxc:      []string{`lxc image import metadata.tar.gz rootfs.tar.gz --alias equiv`},
				pool:     []string{`lxd-pool image import metadata.tar.gz rootfs.tar.gz --alias equiv`},
				see:      seeImage,
				compared: "the image",
			}, {
				about:    "copy one from another LXD",
				before:   elsewhere,
				lxc:      []string{`lxc image copy lab:equiv local: --alias equiv --auto-update`},
				pool:     []string{`lxd-pool image copy lab:equiv --alias equiv --auto-update`},
				see:      seeImage + "; LXD_DIR=$OTHER_DIR lxc image delete equiv",
				compared: "the image",
			}, {
				about:  "look for a newer one at once",
				before: elsewhere + "\nlxc image copy lab:equiv local: --alias equiv --auto-update >/dev/null; LXD_DIR=$OTHER_DIR lxc image delete equiv; rm -r rootfs\n" + elsewhere,
				lxc:    []string{`lxc image refresh equiv`},
				pool:   []string{`lxd-pool image refresh equiv`},
				see: `echo "$(lxc image list -f csv -c F equiv) $(LXD_DIR=$OTHER_DIR lxc image list -f csv -c F equiv)" | awk '$1 == $2 { print "the newer one" }'
					lxc image delete equiv; LXD_DIR=$OTHER_DIR lxc image delete equiv`,
				compared: "that it is the newer one",
			}, {
				about:    "list them",
				before:   imported,
				lxc:      []string{`lxc image list -f csv -c l >listed`},
				pool:     []string{`lxd-pool image list -f csv -c l >listed`},
				see:      `grep -x equiv listed; lxc image delete equiv`,
				compared: "that it is in the list",
			}, {
				about:    "list those of another LXD",
				lxc:      []string{`lxc image list lab: -f csv -c l >listed`},
				pool:     []string{`lxd-pool image list lab: -f csv -c l >listed`},
				see:      `cat listed`,
				compared: "the list",
			}, {
				about:    "show one",
				before:   imported,
				lxc:      []string{`lxc image show equiv >shown`},
				pool:     []string{`lxd-pool image show equiv >shown`},
				see:      `grep -A1 ^properties: shown; lxc image delete equiv`,
				compared: "what is shown of its properties",
			}, {
				about:    "set a property",
				before:   imported,
				lxc:      []string{`lxc image set-property equiv note tested`},
				pool:     []string{`lxd-pool image set equiv note=tested`},
				see:      seeImage,
				compared: "the image",
			}, {
				about:    "take one away",
				before:   imported,
				lxc:      []string{`lxc image unset-property equiv os`},
				pool:     []string{`lxd-pool image set equiv os=`},
				see:      seeImage,
				compared: "the image",
			}, {
				about:    "give it another alias",
				before:   imported + "; lxc image list -f csv -c F equiv >fingerprint",
				lxc:      []string{`lxc image alias create equiv-too $(cat fingerprint)`},
				pool:     []string{`lxd-pool image alias create equiv-too equiv`},
				see:      `lxc image alias list -f csv equiv | cut -d, -f1,3 | sed "s/,.*/,same/"; lxc image delete equiv`,
				compared: "the aliases",
			}, {
				about:    "take an alias away",
				before:   imported + "; lxc image alias create equiv-too $(lxc image list -f csv -c F equiv) >/dev/null",
				lxc:      []string{`lxc image alias delete equiv-too`},
				pool:     []string{`lxd-pool image alias delete equiv-too`},
				see:      `lxc image alias list -f csv equiv | cut -d, -f1; lxc image delete equiv`,
				compared: "the aliases",
			}, {
				about:    "export one to a file",
				before:   imported,
				lxc:      []string{`lxc image export equiv exported`},
				pool:     []string{`lxd-pool image export equiv exported`},
				see:      `cmp exported.tar.gz image.tar.gz && echo same; lxc image delete equiv`,
				compared: "the file",
			}, {
				about:    "delete one",
				before:   imported,
				lxc:      []string{`lxc image delete equiv`},
				pool:     []string{`lxd-pool image delete equiv`},
				see:      `lxc image list -f csv -c l | grep -c equiv || true`,
				compared: "that it is gone",
			},
		},
	},
	{
		title: "Publish",
		cases: []equivalent{
			{
				about:    "make an image of an instance",
				lxc:      []string{`lxc publish $C --force --alias equiv os=mine`},
				pool:     []string{`lxd-pool publish $LEASE --alias equiv os=mine`},
				see:      `lxc image show equiv | grep " os:"; lxc image delete equiv; lxc list "^$IT$" -f csv -c s`,
				compared: "its properties, and that the instance runs",
			},
		},
	},
	{
		title: "Profiles",
		owner: true,
		cases: []equivalent{
			{
				about:    "make one",
				lxc:      []string{`lxc profile create equiv`, `lxc profile set equiv limits.memory 128MiB`},
				pool:     []string{`lxd-pool profile create equiv config.limits.memory=128MiB`},
				see:      `lxc profile show equiv && lxc profile delete equiv >/dev/null`,
				compared: "the profile",
			}, {
				about:    "make one from YAML",
				before:   `printf 'description: small\nconfig: {limits.cpu: "1"}\n' >small.yaml`,
				lxc:      []string{`lxc profile create equiv`, `lxc profile edit equiv <small.yaml`},
				pool:     []string{`lxd-pool profile create equiv <small.yaml`},
				see:      `lxc profile show equiv && lxc profile delete equiv >/dev/null`,
				compared: "the profile",
			}, {
				about:    "change a key, and take one away",
				before:   `lxc profile create equiv >/dev/null; lxc profile set equiv limits.cpu 2`,
				lxc:      []string{`lxc profile set equiv limits.memory 64MiB`, `lxc profile unset equiv limits.cpu`},
				pool:     []string{`lxd-pool profile set equiv config.limits.memory=64MiB config.limits.cpu=`},
				see:      `lxc profile show equiv && lxc profile delete equiv >/dev/null`,
				compared: "the profile",
			}, {
				about:    "give it a device",
				before:   `lxc profile create equiv >/dev/null; `,
				lxc:      []string{`lxc profile device add equiv data disk source=/srv path=/srv readonly=true`},
				pool:     []string{`lxd-pool profile set equiv device.data=type=disk,source=/srv,path=/srv,readonly=true`},
				see:      `lxc profile show equiv && lxc profile delete equiv >/dev/null`,
				compared: "the profile",
			}, {
				about:    "edit one",
				before:   `lxc profile create equiv >/dev/null; printf 'description: edited\nconfig: {limits.processes: "100"}\n' >new.yaml`,
				lxc:      []string{`lxc profile edit equiv <new.yaml`},
				pool:     []string{`lxd-pool profile edit equiv <new.yaml`},
				see:      `lxc profile show equiv && lxc profile delete equiv >/dev/null`,
				compared: "the profile",
			}, {
				about:  "show one",
				before: `lxc profile create equiv >/dev/null; lxc profile set equiv limits.cpu 2`,
				lxc:    []string{`lxc profile show equiv >shown`},
				pool:   []string{`lxd-pool profile show equiv >shown`},
				see: `lxc profile delete equiv >/dev/null; lxc profile create equiv >/dev/null; lxc profile edit equiv <shown
					lxc profile show equiv && lxc profile delete equiv >/dev/null`,
				compared: "the profile that a new one becomes from what is shown",
			}, {
				about:    "list them",
				before:   `lxc profile create equiv >/dev/null; `,
				lxc:      []string{`lxc profile list -f csv >listed`},
				pool:     []string{`lxd-pool profile list -f csv >listed`},
				see:      `cut -d, -f1 listed | grep -x equiv; lxc profile delete equiv >/dev/null`,
				compared: "that it is in the list",
			}, {
				about:    "delete one",
				before:   `lxc profile create equiv >/dev/null; `,
				lxc:      []string{`lxc profile delete equiv`},
				pool:     []string{`lxd-pool profile delete equiv`},
				see:      `lxc profile list -f csv | grep -c ^equiv, || true`,
				compared: "that it is gone",
			},
		},
	},
	{
		title: "Config and profiles",
		intro: "lxc changes a container, lxd-pool a pool: idle instances are replaced, leased ones after their lease.",
		cases: []equivalent{
			{
				about:    "set a key",
				lxc:      []string{`lxc config set $C limits.memory 128MiB`},
				pool:     []string{`lxd-pool set equiv config.limits.memory=128MiB`},
				see:      theNew + `lxc config get $new limits.memory`,
				compared: "the key, of an instance that is new",
			}, {
				about:    "give it profiles",
				before:   `[ $PROGRAM = lxd-pool ] || lxc profile create equiv >/dev/null`,
				lxc:      []string{`lxc profile assign $C default,equiv`},
				pool:     []string{`lxd-pool set equiv profiles=default,equiv`},
				see:      theNew + `lxc query /1.0/instances/$new | grep -A3 '"profiles"'`,
				compared: "the profiles, of an instance that is new",
			}, {
				about:    "give it a device",
				lxc:      []string{`lxc config device add $C data disk source=/usr/share path=/srv readonly=true`},
				pool:     []string{`lxd-pool set equiv device.data=type=disk,source=/usr/share,path=/srv,readonly=true`},
				see:      theNew + `lxc config device show $new`,
				compared: "the devices, of an instance that is new",
			},
		},
	},
	{
		title: "Projects",
		intro: "lxd-pool makes projects that are restricted; with lxc that is one key of many.",
		owner: true,
		cases: []equivalent{
			{
				about:    "make a restricted one with a limit",
				lxc:      []string{`lxc project create equiv --config restricted=true --config limits.instances=5`},
				pool:     []string{`lxd-pool init --project equiv --limit instances=5`},
				see:      `lxc project get equiv restricted; lxc project get equiv limits.instances; ` + noProject,
				compared: "both keys",
			}, {
				about:    "list them",
				before:   `lxc project create equiv >/dev/null`,
				lxc:      []string{`lxc project list -f csv >listed`},
				pool:     []string{`lxd-pool project list -f csv >listed`},
				see:      `cut -d, -f1 listed | grep -x equiv; ` + noProject,
				compared: "that it is in the list",
			}, {
				about:    "delete one",
				before:   `lxd-pool init --project equiv >/dev/null`,
				lxc:      []string{`lxc project delete equiv`},
				pool:     []string{`lxd-pool project delete equiv`},
				see:      `lxc project list -f csv | grep -c ^equiv, || true`,
				compared: "that it is gone",
			},
		},
	},
}
