# Completion of larder's commands, options, models and downloads for bash: /usr/share/bash-completion/completions/larder.

_larder() {
	local typed=${COMP_LINE:0:COMP_POINT} words last kept candidate
	read -ra words <<<"$typed"
	[[ $typed == *[[:space:]] ]] && words+=('')
	last=${words[-1]}
	# bash takes a word apart at these, and wants the last piece only.
	kept=${last%"${last##*[=:]}"}
	COMPREPLY=()
	while IFS=$'\t' read -r candidate _; do
		COMPREPLY+=("${candidate#"$kept"}")
		[[ $candidate == *= ]] && compopt -o nospace 2>/dev/null
	done < <("${words[0]}" complete -- "${words[@]:1}" 2>/dev/null)
}
complete -o default -F _larder larder
