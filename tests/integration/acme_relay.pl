# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# Stands between an ACME client and its CA, for tests: counts connections and requests, and at the request of a given
# number does what it is told. usage: acme_relay.pl PORT CA_PORT COUNTS [ACTION NUMBER PIDFILE]
#
# A request is an application record of TLS that the client sends: the first on a connection ends the handshake of
# TLS 1.3. COUNTS is written anew at each: "CONNECTIONS RECORDS". ACTION is "close" (the connection), "kill" (the
# process in PIDFILE, before the CA sees the request), "killed" (when the CA has answered it).
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

my ($port, $target, $counts, $action, $number, $pidfile) = @ARGV;
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 16, ReuseAddr => 1)
    or die "port $port: $!\n";
$SIG{PIPE} = 'IGNORE';
my $select = IO::Select->new($server);
my (%other, %is_client, %pending);
my ($connections, $records, $armed) = (0, 0, 0);
$action //= '';

sub note {
    open my $file, '>', "$counts.new" or die "$counts: $!\n";
    print $file "$connections $records\n";
    close $file;
    rename "$counts.new", $counts;
}

sub drop {
    my ($side) = @_;
    for my $socket ($side, $other{$side}) {
        next unless defined $socket && $select->exists($socket);
        $select->remove($socket);
        delete $pending{$socket};
        close $socket;
    }
}

sub kill_it {
    open my $file, '<', $pidfile or return;
    my $pid = <$file>;
    kill 'KILL', $pid + 0;
    # Its hook process dies with it, but not in the same instant; a connection that ends would be made anew.
    select undef, undef, undef, 0.3;
}

# Cuts what the client sent into whole records; returns false when the connection was dropped.
sub pass_records {
    my ($client) = @_;
    while (length $pending{$client} >= 5) {
        my ($type, $length) = (ord $pending{$client}, unpack 'n', substr $pending{$client}, 3, 2);
        return 1 if length $pending{$client} < 5 + $length;
        my $record = substr $pending{$client}, 0, 5 + $length, '';
        if ($type == 23) {
            $records++;
            note();
            if ($action && $records == $number) {
                if ($action eq 'close') { drop($client); return 0 }
                if ($action eq 'kill') { kill_it(); drop($client); return 0 }
                $armed = 1;
            }
        }
        print { $other{$client} } $record;
        $other{$client}->flush;
    }
    return 1;
}

note();
while (1) {
    for my $ready ($select->can_read) {
        if ($ready == $server) {
            my $client = $server->accept or next;
            my $ca = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $target) or do { close $client; next };
            $connections++;
            note();
            @other{$client, $ca} = ($ca, $client);
            ($is_client{$client}, $is_client{$ca}, $pending{$client}) = (1, 0, '');
            $select->add($client, $ca);
            next;
        }
        next unless $select->exists($ready);
        my $got = sysread $ready, my $bytes, 65536;
        if (!$got) { drop($ready); next }
        if ($is_client{$ready}) {
            $pending{$ready} .= $bytes;
            pass_records($ready);
            next;
        }
        if ($armed) { $armed = 0; kill_it(); drop($ready); next }
        print { $other{$ready} } $bytes;
        $other{$ready}->flush;
    }
}
