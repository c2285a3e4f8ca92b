# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# A proxy for tests: tunnels CONNECT, passes on plain requests. usage: http_proxy.pl PORT
# It serves one connection after another on 127.0.0.1 and writes each request's head to standard output.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ARGV[0], Listen => 16, ReuseAddr => 1)
    or die "port $ARGV[0]: $!\n";
$| = 1;
$SIG{PIPE} = 'IGNORE';

# Bytes in both directions until one side closes.
sub tunnel {
    my ($a, $b) = @_;
    my $both = IO::Select->new($a, $b);
    while (my @ready = $both->can_read(10)) {
        for my $from (@ready) {
            sysread($from, my $bytes, 65536) or return;
            syswrite($from == $a ? $b : $a, $bytes) or return;
        }
    }
}

while (my $peer = $server->accept) {
    my $head = '';
    # Not by lines: what follows the head must stay where the tunnel reads.
    while ($head !~ /\r\n\r\n$/ && sysread($peer, my $byte, 1)) { $head .= $byte }
    print $head;
    if ($head =~ m{^CONNECT ([^ ]+):(\d+) } and my $far = IO::Socket::INET->new(PeerAddr => $1, PeerPort => $2)) {
        syswrite $peer, "HTTP/1.1 200 OK\r\n\r\n";
        tunnel($peer, $far);
    } elsif ($head =~ m{^GET http://([^/]+)(/\S*) } and $far = IO::Socket::INET->new(PeerAddr => $1)) {
        syswrite $far, "GET $2 HTTP/1.1\r\nHost: $1\r\nConnection: close\r\n\r\n";
        tunnel($peer, $far);
    } else {
        syswrite $peer, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    }
    close $peer;
}
