# Completion of larder's commands, options, models and downloads for fish: in vendor_completions.d.

function __larder_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] complete -- $words[2..-1] 2>/dev/null
end
complete -c larder -f -a '(__larder_complete)'
# What is a file.
complete -c larder -l from -r -F
complete -c larder -l hf-cache -r -F
complete -c larder -n '__fish_seen_subcommand_from backup' -F
