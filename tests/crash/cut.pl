#!/usr/bin/perl
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# Judges a trace of strace by what a power cut would leave, and makes the trees that it could leave.
#
# usage: cut.pl [-w N] WORLD START TRACE [OUT]
#   WORLD   the folder that the traced program worked in; only what is below WORLD/state and WORLD/tls counts
#   START   what it was at the start, all of it on the disk for good
#   TRACE   of "strace -f -qq -y -xx -s BIG -o TRACE -e trace=%file,write,writev,fsync,fdatasync,fchmod,exit_group"
#   OUT     a folder: gets a folder 1, 2, … for each different tree that a cut at any point could leave
#   -w N    as if the Nth fsync had not been made (0: none of them), to try this checker
#
# Rules: a rename follows an fsync of what is renamed (a folder: of all that is in it), and the same process syncs the
# directory before it changes anything elsewhere, starts another program, or ends. What breaks them is printed, and
# the exit code 1. Prints "renames R links L fsyncs F trees T" at the end,
# and with -w "omitted f", or "omitted d" for a folder.
#
# Trees: after each call, of what was not synced: nothing; all names but no content; all names and half the content;
# the names of one directory only; of several changes of one directory the first ones, or a single one.
use strict;
use warnings;

my $without = -1;
if (@ARGV && $ARGV[0] eq '-w') { shift; $without = shift; }
my ($world, $start, $trace, $out) = @ARGV;
my @roots = ('state', 'tls');

# ---- The model: nodes with what is there, and what would be there after a cut

my ($root, %seen, %owed);
my $omitted = '';
my ($broken, $renames, $links, $fsyncs, $trees) = (0, 0, 0, 0, 0);

sub node { my ($type, $mode) = @_; return { type => $type, mode => $mode, dmode => $mode, data => '', ddata => '', now => {}, disk => {}, pending => [] }; }

sub load_tree {
    my ($path) = @_;
    my @stat = lstat $path or die "$path: $!\n";
    my $mode = $stat[2] & 07777;
    if (-l $path) {
        my $link = node('l', 0777);
        $link->{data} = $link->{ddata} = readlink $path;
        return $link;
    }
    if (!-d _) {
        my $file = node('f', $mode);
        open my $in, '<:raw', $path or die "$path: $!\n";
        local $/;
        $file->{data} = $file->{ddata} = <$in>;
        return $file;
    }
    my $folder = node('d', $mode);
    opendir my $handle, $path or die "$path: $!\n";
    for my $name (grep { !/^\.\.?$/ } readdir $handle) {
        $folder->{now}{$name} = $folder->{disk}{$name} = load_tree("$path/$name");
    }
    return $folder;
}

# The parts of a path below the roots, or nothing.
sub parts_of {
    my ($path) = @_;
    $path =~ s{/\./}{/}g;
    $path =~ s{/+$}{};
    return unless $path =~ s{^\Q$world\E/}{};
    my @parts = split m{/+}, $path;
    return unless @parts && grep { $_ eq $parts[0] } @roots;
    return @parts;
}

# The folder that the last part stands in, and that part.
sub find {
    my ($path) = @_;
    my @parts = parts_of($path) or return;
    my $last = pop @parts;
    my $at = $root;
    for my $part (@parts) {
        $at = $at->{now}{$part} or return;
    }
    return ($at, $last);
}

sub found { my ($folder, $name) = find($_[0]); return $folder && $folder->{now}{$name}; }

# ---- What a cut leaves

sub change { my ($folder, $name, $node) = @_; $node ? ($folder->{now}{$name} = $node) : delete $folder->{now}{$name}; }

# One change of names, as one or two folders see it.
sub changed {
    my (@steps) = @_; # [folder, name, node or undef]
    change(@$_) for @steps;
    my %folders = map { $_->[0] => $_->[0] } @steps;
    push @{ $_->{pending} }, [@steps] for values %folders;
}

# The names of a folder after a cut, by the way "names" says.
sub names_of {
    my ($folder, $how) = @_;
    my %names = %{ $folder->{disk} };
    my @pending = @{ $folder->{pending} };
    if ($how->{only} && $how->{only} != $folder) { @pending = (); }
    elsif ($how->{first}) { @pending = grep { defined } @pending[0 .. $how->{first} - 1]; }
    elsif ($how->{single}) { @pending = grep { defined } $pending[$how->{single} - 1]; }
    elsif (!$how->{names}) { @pending = (); }
    for my $step (map { @$_ } @pending) {
        next if $step->[0] != $folder;
        $step->[2] ? ($names{ $step->[1] } = $step->[2]) : delete $names{ $step->[1] };
    }
    return \%names;
}

sub content_of {
    my ($file, $how) = @_;
    return $file->{ddata} if $file->{data} eq $file->{ddata} || !$how->{half};
    return substr($file->{data}, 0, length($file->{data}) / 2);
}

sub describe {
    my ($folder, $how, $path, $list) = @_;
    my $names = names_of($folder, $how);
    for my $name (sort keys %$names) {
        my $node = $names->{$name};
        my $content = $node->{type} eq 'd' ? '' : content_of($node, $how);
        push @$list, [$node->{type}, "$path/$name", $node->{dmode}, $content];
        describe($node, $how, "$path/$name", $list) if $node->{type} eq 'd';
    }
    return $list;
}

sub write_tree {
    my ($how) = @_;
    my $list = describe($root, $how, '', []);
    return if $seen{ join "\0", map { @$_ } @$list }++;
    my $base = "$out/" . ++$trees;
    mkdir $base or die "$base: $!\n";
    for my $entry (@$list) {
        my ($type, $path, $mode, $content) = @$entry;
        $path = $base . $path;
        if ($type eq 'd') { mkdir $path or die "$path: $!\n"; }
        elsif ($type eq 'l') { symlink $content, $path or die "$path: $!\n"; }
        else {
            open my $to, '>:raw', $path or die "$path: $!\n";
            print $to $content;
            close $to or die "$path: $!\n";
        }
        chmod $mode, $path if $type ne 'l';
    }
}

sub folders { my ($folder) = @_; return ($folder, map { folders($_) } grep { $_->{type} eq 'd' } values %{ $folder->{now} }); }

sub cut {
    return unless defined $out;
    write_tree($_) for {}, { names => 1 }, { names => 1, half => 1 };
    for my $folder (grep { @{ $_->{pending} } } folders($root)) {
        write_tree({ names => 1, only => $folder });
        for my $count (1 .. @{ $folder->{pending} }) {
            write_tree({ names => 1, only => $folder, first => $count });
            write_tree({ names => 1, only => $folder, single => $count });
        }
    }
}

# ---- The rules

sub complain { print "$_[0]\n"; $broken = 1; }

sub is_synced {
    my ($node) = @_;
    return 1 if $node->{type} eq 'l';
    return $node->{data} eq $node->{ddata} && $node->{mode} == $node->{dmode} if $node->{type} eq 'f';
    return !@{ $node->{pending} } && !grep { !is_synced($_) } values %{ $node->{now} };
}

# A process changes something in a folder (none: elsewhere): what it owes other folders is due.
sub due {
    my ($pid, $folder, $what) = @_;
    for my $debt (values %{ $owed{$pid} || {} }) {
        next if $folder && $debt->[0] == $folder;
        complain("$debt->[1]: its directory is not synced before $what");
        delete $owed{$pid}{ $debt->[0] };
    }
}

# ---- The calls

sub text { my ($hex) = @_; $hex =~ s/\\x([0-9a-f]{2})/chr hex $1/ge; return $hex; }

# A path argument that may follow a directory: DIRFD<PATH>, "NAME"
sub paths_of {
    my ($arguments) = @_;
    my @paths;
    while ($arguments =~ /(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"([^"]*)"/g) {
        my ($base, $name) = (text($1 // ''), text($2));
        push @paths, $name =~ m{^/} ? $name : "$base/$name";
    }
    return @paths;
}

sub do_write {
    my ($pid, $arguments, $result) = @_;
    my ($path) = $arguments =~ /^\d+<([^>]*)>/ or return;
    my ($folder) = find(text($path)) or return;
    my $file = found(text($path)) or return;
    due($pid, $folder, text($path) . ' is written');
    my $bytes = join '', map { text($_) } $arguments =~ /"([^"]*)"/g;
    $file->{data} .= substr $bytes, 0, $result;
}

sub do_fsync {
    my ($pid, $arguments) = @_;
    my ($path) = $arguments =~ /^\d+<([^>]*)>/ or return;
    $path = text($path);
    parts_of($path) or return;
    $fsyncs++;
    my $node = found($path) or return;
    if ($without == 0 || $without == $fsyncs) { $omitted = " omitted $node->{type}"; return; }
    $node->{ddata} = $node->{data};
    $node->{dmode} = $node->{mode};
    if ($node->{type} eq 'd') {
        # A rename between two folders is one: on the disk in both or in none.
        for my $step (map { @$_ } @{ $node->{pending} }) {
            $step->[2] ? ($step->[0]{disk}{ $step->[1] } = $step->[2]) : delete $step->[0]{disk}{ $step->[1] };
        }
        $node->{pending} = [];
        delete $owed{$pid}{$node};
    }
}

sub do_open {
    my ($pid, $arguments) = @_;
    return if $arguments !~ /O_CREAT/;
    my ($path) = paths_of($arguments);
    my ($folder, $name) = find($path) or return;
    if (my $old = $folder->{now}{$name}) { $old->{data} = '' if $arguments =~ /O_TRUNC/; return; }
    due($pid, $folder, "$path is made");
    my ($mode) = $arguments =~ /, (0[0-7]*)$/;
    changed([$folder, $name, node('f', oct $mode)]);
}

sub do_rename {
    my ($pid, $arguments) = @_;
    my ($from, $to) = paths_of($arguments);
    my ($from_folder, $from_name) = find($from) or return;
    my ($to_folder, $to_name) = find($to) or return;
    my $node = $from_folder->{now}{$from_name};
    $renames++;
    $links++ if $node->{type} eq 'l';
    due($pid, $to_folder, "$to is renamed");
    complain("$from is renamed before it is synced") if !is_synced($node);
    changed([$from_folder, $from_name], [$to_folder, $to_name, $node]);
    $owed{$pid}{$_} = [$_, $to] for $from_folder, $to_folder;
}

sub do_change {
    my ($pid, $arguments, $make) = @_;
    my ($path) = (paths_of($arguments))[-1];
    my ($folder, $name) = find($path) or return;
    due($pid, $folder, "$path is changed");
    changed([$folder, $name, $make]);
}

sub do_call {
    my ($pid, $call, $arguments, $result) = @_;
    if ($call =~ /^p?write/) { do_write($pid, $arguments, $result); }
    elsif ($call =~ /^f(data)?sync$/) { do_fsync($pid, $arguments); }
    elsif ($call =~ /^open/) { do_open($pid, $arguments); }
    elsif ($call =~ /^rename/) { do_rename($pid, $arguments); }
    elsif ($call =~ /^(unlink|rmdir)/) { do_change($pid, $arguments); }
    elsif ($call =~ /^mkdir/) { do_change($pid, $arguments, node('d', oct(($arguments =~ /, (0[0-7]*)$/)[0]))); }
    elsif ($call =~ /^symlink/) {
        my ($target) = $arguments =~ /^"([^"]*)"/;
        my $link = node('l', 0777);
        $link->{data} = $link->{ddata} = text($target);
        do_change($pid, $arguments =~ s/^"[^"]*", //r, $link);
    } elsif ($call eq 'fchmod') {
        my ($path, $mode) = $arguments =~ /^\d+<([^>]*)>, (0[0-7]*)/;
        my $node = found(text($path)) or return;
        $node->{mode} = oct $mode;
    } else { due($pid, undef, $call); }
}

$root = node('d', 0700);
$root->{now}{$_} = $root->{disk}{$_} = load_tree("$start/$_") for @roots;
open my $lines, '<', $trace or die "$trace: $!\n";
my %begun;
cut();
while (my $line = <$lines>) {
    chomp $line;
    my ($pid, $rest) = $line =~ /^(\d+) +(.*)$/ or die "no line of a trace: $line\n";
    if ($rest =~ s/ <unfinished \.\.\.>$//) { $begun{$pid} = $rest; next; }
    $rest = delete($begun{$pid}) . $1 if $rest =~ /^<\.\.\. \w+ resumed>(.*)$/;
    if ($rest =~ /^exit_group\(/) { due($pid, undef, 'the process ends'); next; }
    my ($call, $arguments, $result) = $rest =~ /^(\w+)\((.*)\) += (-?\d+)/ or next;
    next if $result < 0;
    do_call($pid, $call, $arguments, $result) if $call =~ /^(p?write(v|64)?|fsync|fdatasync|open|openat|rename\w*|unlink\w*|rmdir|mkdir\w*|symlink\w*|fchmod|execve)$/;
    cut();
}
print "renames $renames links $links fsyncs $fsyncs trees $trees$omitted\n";
exit $broken;
