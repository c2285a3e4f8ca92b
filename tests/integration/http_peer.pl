# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# A web server of bad manners for tests: the path says how it behaves. usage: http_peer.pl PORT [OTHER_ORIGIN]
# It serves one connection after another on 127.0.0.1 and writes each request's head to standard output.
use strict;
use warnings;
use IO::Socket::INET;

my ($port, $other) = @ARGV;
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 16, ReuseAddr => 1)
    or die "port $port: $!\n";
$| = 1;
$SIG{PIPE} = 'IGNORE';

sub answer {
    my ($peer, $status, $body, @headers) = @_;
    print $peer join("\r\n", "HTTP/1.1 $status", @headers, 'Connection: close',
        'Content-Length: ' . length $body, '', $body);
}

sub serve {
    my ($peer, $head, $path) = @_;
    return answer($peer, '200 OK', $head, 'X-Twice: one', 'x-twice: two') if $path eq '/echo';
    return answer($peer, '404 Not Found', 'nothing here') if $path eq '/missing';
    return answer($peer, '302 Found', '', "Location: /echo") if $path eq '/near';
    return answer($peer, '201 Created', 'made', "Location: /echo") if $path eq '/made';
    return answer($peer, '302 Found', '', "Location: $other/echo") if $path eq '/far';
    return answer($peer, '302 Found', '', 'Location: /round') if $path eq '/round';
    return answer($peer, '302 Found', '', 'Location: file:///etc/passwd') if $path eq '/file';
    return answer($peer, '200 OK', 'x' x 2_000_000) if $path eq '/big';
    return answer($peer, '200 OK', 'no', map { "X-$_: " . ('y' x 1000) } 1 .. 400) if $path eq '/heads';
    return print $peer "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort" if $path eq '/cut';
    return print $peer "\x00\x01 no HTTP at all\r\n\r\n" if $path eq '/rubbish';
    if ($path eq '/slow') {
        print $peer "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
        for (1 .. 100) { print $peer 'z' or last; $peer->flush; select undef, undef, undef, 0.2 }
        return;
    }
    if ($path eq '/chunks') {
        print $peer "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
        print $peer sprintf("%x\r\n%s\r\n", length $_, $_) for 'one ', 'two ', 'three';
        return print $peer "0\r\n\r\n";
    }
    return;    # closes without a word
}

while (my $peer = $server->accept) {
    my ($head, $path) = ('', '');
    while (my $line = <$peer>) {
        last if $line =~ /^\r?\n$/;
        $path = $1 if $head eq '' && $line =~ m{^\S+ (\S+)};
        $head .= $line;
    }
    if ($head =~ /^Content-Length: (\d+)/mi) { read $peer, my $body, $1; $head .= "BODY $body\r\n" }
    print $head, "\n";
    serve($peer, $head, $path);
    close $peer;
}
