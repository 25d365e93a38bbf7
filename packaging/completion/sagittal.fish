# Completion of sagittal in fish; the program itself says what may come next.
function __sagittal_complete
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l begun (commandline --current-token --cut-at-cursor)
    set -l candidates ($words[1] complete $words[2..-1] "$begun" 2>/dev/null)
    if set -q candidates[1]
        printf '%s\n' $candidates
    else
        __fish_complete_path "$begun"
    end
end
complete --command sagittal --no-files --arguments '(__sagittal_complete)'
