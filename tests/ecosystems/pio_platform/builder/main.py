"""Builds the program of the project, with the compiler and flags that its platformio.ini names."""

from SCons.Script import AlwaysBuild, Default, DefaultEnvironment

env = DefaultEnvironment()
flags = env.GetProjectOption("custom_flags", "").split()
compiler = env.GetProjectOption("custom_compiler")
env.Replace(AR="gcc-ar", AS=compiler, CC=compiler, CXX=compiler, LINK=compiler, RANLIB="true")
env.Replace(PROGSUFFIX=".elf", ASFLAGS=flags, CCFLAGS=["-Os", *flags])
env.Append(
    LINKFLAGS=[*flags, *env.GetProjectOption("custom_link_flags", "").split()],
    ASPPFLAGS=["-x", "assembler-with-cpp"],
)
Default(AlwaysBuild(env.Alias("buildprog", env.BuildProgram())))
